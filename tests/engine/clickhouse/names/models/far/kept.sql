{{ config(materialized='incremental', unique_key='id') }} select id, place from {{ ref('away') }}
