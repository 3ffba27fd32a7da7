{{ config(materialized='table', order_by='user_id') }}
select user_id, n from {{ ref('renamed') }}
