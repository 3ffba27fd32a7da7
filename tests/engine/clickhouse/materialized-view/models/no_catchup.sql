{{ config(materialized='materialized_view', engine='MergeTree()', order_by='id', catchup=false) }}
select id, kind from {{ ref('events') }}
