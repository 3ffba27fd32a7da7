{{ config(materialized='table', order_by='id', projections=[{'name': 'per_user', 'query': 'select user_id, sum(amount) group by user_id'}]) }}
select id, user_id, amount from {{ ref('events') }}
