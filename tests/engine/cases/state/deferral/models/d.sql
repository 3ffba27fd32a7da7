select '{{ defer_relation }}' as mine, count(*) as n from {{ ref('c') }}, {{ ref('kept') }}
