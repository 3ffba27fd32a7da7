-- depends_on: {{ ref('nums') }}
{%- if execute %}
{%- set t = run_query('select id, name, amount from ' ~ ref('nums') ~ ' order by id') %}
{%- set big = t.where(true_for_big) if false else t %}
-- rows {{ t.rows | length }} {{ t.column_names }} {{ t.column_types | length }}
{% for row in t.rows -%}
-- {{ row[0] }} {{ row['name'] }} {{ row.name }} {{ row.values() }} {{ row.dict() | list if loop.first }} {{ row.dict() | tojson if loop.last }} {{ row.amount is none }}
{% endfor -%}
-- {{ t.select(['id']).column_names }} {{ t.exclude(['id']).column_names }} {{ t.rename(column_names=['a', 'b', 'c']).column_names }}
-- {{ t.order_by('name').columns['name'].values() | list }} {{ t.limit(2).rows | length }} {{ t.columns[2].values() | list }}
-- {{ t.columns | length }} {{ (t.columns | first).name }} {{ t.rows[-1]['id'] }}
{% do t.print_table() -%}
{%- endif %}
select 1 as one
