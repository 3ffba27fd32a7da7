{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='toDate(at)', order_by='id') }}
select * from {{ ref('events') }}
{% if is_incremental() %}where toDate(at) >= (select max(toDate(at)) from {{ this }}){% endif %}
