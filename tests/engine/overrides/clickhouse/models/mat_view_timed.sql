{{ config(materialized='materialized_view', engine='MergeTree()', order_by='name', refreshable={'interval': 'every 1 hour'}) }} select name, count() as n from {{ ref('people') }} group by name
