{{ config(materialized='ephemeral') }}
select id, user_id, amount from {{ ref('events') }} where kind like 'view%'
