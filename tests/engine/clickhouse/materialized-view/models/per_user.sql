{{ config(materialized='materialized_view', engine='MergeTree()', order_by='user_id') }}
select user_id, id, amount from {{ ref('events') }}
