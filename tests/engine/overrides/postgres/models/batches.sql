{{ config(materialized='incremental', incremental_strategy='microbatch', unique_key='id', event_time='updated_at', begin='2024-01-01', batch_size='year') }}
select id, name, updated_at from {{ ref('people') }}
