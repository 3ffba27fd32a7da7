{{ config(materialized='view') }} select id, name, at from {{ ref('rows') }}
