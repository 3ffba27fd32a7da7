{{ config(materialized='incremental', incremental_strategy='append', order_by='id', contract={'enforced': true}, on_schema_change='append_new_columns') }}
select id, user_id from {{ ref('events') }} {% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}
