{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', begin='2020-01-01T00:00:00', batch_size='hour', unique_key='id', lookback=2, concurrent_batches=true) }}
select * from {{ ref('plain') }}
