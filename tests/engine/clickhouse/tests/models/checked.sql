{{ config(materialized='table', order_by='id') }}
select id, user_id, kind from {{ ref('events') }}
