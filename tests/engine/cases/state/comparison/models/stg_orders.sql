{{ config(materialized=env_var('WATCHED_KIND', 'view')) }}
select id, customer_id, amount, ordered_at from {{ source('shop', 'orders') }} where id >= {{ var('lowest') }}
