{{ config(materialized='incremental', order_by='id') }} select id, name from {{ ref('people') }}
