select * from {{ ref('stg_users') }} join {{ ref('stg_helped') }} using (id)
