{{ config(materialized='incremental', incremental_strategy='append', unique_key='id', on_schema_change='ignore', order_by='id') }}
select id, user_id from {{ ref('events') }}
{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}
