select * from {{ ref('ok') }} where id <> 1
