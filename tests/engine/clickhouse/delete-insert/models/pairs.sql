{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='user_id, kind', incremental_predicates=['id < 1000'], order_by='(user_id, kind)') }}
select user_id, kind, max(id) as id from {{ ref('events') }} group by user_id, kind
