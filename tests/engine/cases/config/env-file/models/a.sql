{{ config(materialized='table') }}
{% for name in ['PLAIN', 'QUOTED', 'SINGLE', 'SPACED', 'EXPORTED', 'REFERS', 'EMPTY', 'HASHED', 'COMMENTED', 'TWICE', 'OUTSIDE', 'LINES', 'ESCAPED', 'DBT_FROM_FILE', 'COLON', 'NO_VALUE'] %}
select '{{ name }}' as name, $x${{ env_var(name, 'absent') }}$x$ as value {{ 'union all' if not loop.last }}
{% endfor %}
