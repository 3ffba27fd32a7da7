select * from {{ ref('inner') }}
