{{ config(materialized='table', order_by='id', indexes=[{'name': 'by_user', 'definition': 'user_id type bloom_filter granularity 2'}]) }}
select id, user_id from {{ ref('events') }}
