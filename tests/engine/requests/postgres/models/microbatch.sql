{{ config(materialized='incremental', incremental_strategy='microbatch', unique_key='id', event_time='at', begin='2026-01-01', batch_size='year') }} select id, at from {{ ref('rows') }}
