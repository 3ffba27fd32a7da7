{{ config(pre_hook="select 1", meta={'owner': 'data'}) }}
select o.id, o.customer_id, o.amount, u.name from {{ ref('stg_orders') }} o join {{ ref('stg_users') }} u on u.id = o.customer_id cross join {{ ref('scratch') }}
