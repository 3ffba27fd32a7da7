select * from {{ ref('logged') }}
