{{ config(materialized='incremental') }} select id, {{ var('n', 1) }} as n from {{ ref('a') }} where 1 / {{ var('divisor', 1) }} >= 0
