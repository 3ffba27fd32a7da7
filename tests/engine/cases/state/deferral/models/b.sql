{{ config(materialized='table') }} select * from {{ ref('passing') }}
