{{ config(tags=['stg'], meta={'level': 1}, alias='orders_stage') }}

select * from {{ source('raw', 'orders') }} where id > {{ var('min_id') }}
