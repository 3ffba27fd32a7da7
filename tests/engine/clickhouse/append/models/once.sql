{{ config(materialized='incremental', full_refresh=false, incremental_strategy='append') }}
select count() as n, now() > '2020-01-01' as later from {{ ref('events') }}
