{# a comment #}
select * from {{ ref('customers') }}
