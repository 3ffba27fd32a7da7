{% set cols = adapter.get_columns_in_relation(ref('plain')) %}
select {% for c in cols %}{{ c.name }}{% endfor %} from {{ ref('plain') }}
