select * from {{ ref('c_model') }} join {{ source('ext', 'things') }} using (id)
