{{ config(materialized='incremental', order_by='id', unique_key='id') }} select id, name from {{ ref('people') }}
