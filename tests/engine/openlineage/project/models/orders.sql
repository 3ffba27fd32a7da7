{{ config(materialized='table', alias='all_orders') }}
select id, amount from {{ ref('raw_orders') }}
