{{ config(materialized='materialized_view', engine='MergeTree()', order_by='id', catchup=false) }} select id, name from {{ ref('people') }}
