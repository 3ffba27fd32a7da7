{{ config(materialized='table', order_by='id', contract={'enforced': true}) }}
select id, user_id, at from {{ ref('events') }}
