{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='t', batch_size='day', begin='2024-01-01') }}
select 1 as id, '2024-01-01'::timestamp as t
