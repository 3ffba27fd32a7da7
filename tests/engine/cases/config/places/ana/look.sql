select * from {{ ref('reads') }}
