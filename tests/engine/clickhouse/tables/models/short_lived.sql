{{ config(materialized='table', order_by='id', ttl='at + interval 100 year') }}
select id, at, user_id from {{ ref('events') }}
