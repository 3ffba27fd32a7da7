select id from {{ ref('reads') }} where id > 5
