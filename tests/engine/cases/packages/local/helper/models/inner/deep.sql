{{ config(materialized='view') }}
select n, {{ greet('deep') }} as greeting from {{ ref('numbers') }}
