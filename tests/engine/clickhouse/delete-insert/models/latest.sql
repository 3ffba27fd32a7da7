{{ config(materialized='incremental', incremental_strategy='delete_insert', unique_key='user_id', order_by='user_id') }}
select user_id, max(id) as id, max(at) as at from {{ ref('events') }}
{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}
group by user_id
