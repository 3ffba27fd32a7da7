{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', begin='2019-12-31', batch_size='month', unique_key=['id', 'v'], full_refresh=false) }}
select * from {{ ref('stub') }}
