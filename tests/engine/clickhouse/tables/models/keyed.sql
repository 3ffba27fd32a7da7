{{ config(materialized='table', engine='ReplacingMergeTree()', order_by=['user_id', 'id'], primary_key='user_id', partition_by='toYYYYMM(at)', settings={'index_granularity': 1024}) }}
select * from {{ ref('events') }}
