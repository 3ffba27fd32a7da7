{{ config(materialized='incremental', incremental_strategy='legacy', unique_key=['user_id', 'kind'], order_by='(user_id, kind)') }}
select user_id, kind, max(id) as id from {{ ref('events') }} group by user_id, kind
