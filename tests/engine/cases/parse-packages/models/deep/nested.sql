{%- set columns = ['a', 'b'] -%}
select {% for c in columns %}{{ c }}{{ ", " if not loop.last }}{% endfor %} from {{ ref('shared') }}
