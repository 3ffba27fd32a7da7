select * from {{ ref('below_bad') }}
