{{ config(materialized='materialized_view') }} select id, name from {{ ref('rows') }}
