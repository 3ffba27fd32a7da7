select id from {{ ref('idle') }} where id > 5
