{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='toDate(at)', order_by='id') }} select id, name, at from {{ ref('people') }}
