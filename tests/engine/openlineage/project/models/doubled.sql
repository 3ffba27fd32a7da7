{{ config(materialized='ephemeral') }}
select id, amount * 2 as amount from {{ ref('orders') }}
