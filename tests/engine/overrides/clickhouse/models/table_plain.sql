{{ config(materialized='table', order_by='id') }} select id, name from {{ ref('gone') }}
