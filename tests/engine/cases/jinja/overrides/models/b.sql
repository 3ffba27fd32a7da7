{{ config(materialized='view') }} select * from {{ ref('a') }}, {{ ref('helper', 'h') }}
