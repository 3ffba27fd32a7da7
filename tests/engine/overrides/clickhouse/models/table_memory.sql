{{ config(materialized='table', engine='Memory') }} select id, name from {{ ref('people') }}
