select * from {{ ref('stg_orders') }} join {{ ref('stg_users') }} using (id)
