{{ config(unique_key=['id', 'part'], incremental_strategy='merge') }}
select * from {{ ref('input') }}
