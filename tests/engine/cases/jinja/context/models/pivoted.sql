{%- set names = values_of(ref('nums'), 'name') -%}
select {{ pivot('name', names, prefix='n_') }},
  {{ factorial(5) }} as f
from {{ ref('nums') }}
