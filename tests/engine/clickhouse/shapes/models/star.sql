select * from {{ ref('described') }}
