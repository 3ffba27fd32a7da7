select count(*) as n from {{ ref('e3') }}
