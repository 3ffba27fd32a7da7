-- depends_on: {{ ref('nums') }}
{% call statement('counted', fetch_result=True) %}select count(*) as n, max(amount) as biggest, min(name) as first from {{ ref('nums') }}{% endcall %}
{% set loaded = load_result('counted') %}
{% set table = loaded['table'] if loaded else none %}
select
{%- if execute %}
  {{ loaded['data'][0][0] }} as n, {{ table.columns['biggest'].values()[0] }} as biggest, '{{ table.rows[0]['first'] }}' as first,
  '{{ table.column_names | join(",") }}' as names, {{ table.rows | length }} as len, '{{ table.columns | map(attribute="name") | list }}' as cols
{%- else %} 1 as n {% endif %}
