{{ config(materialized='incremental', incremental_strategy='microbatch', unique_key='id', event_time='at', begin='2026-01-01', batch_size='day', order_by='id', meta={'tsdbt': {'ledger': false}}) }}
select id, at, user_id from {{ ref('source_events') }}
