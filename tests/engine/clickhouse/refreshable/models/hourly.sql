{{ config(materialized='materialized_view', engine='MergeTree()', order_by='user_id', refreshable={'interval': 'every 1 hour'}) }}
select user_id, count() as n from {{ ref('events') }} group by user_id
