{{ config(materialized='incremental') }} select * from {{ ref('b') }}
