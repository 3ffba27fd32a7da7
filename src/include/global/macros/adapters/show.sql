{#- The query of `show`, and of other callers that need only the first rows. -#}
{% macro get_show_sql(compiled_code, sql_header, limit) %}
  {{- sql_header if sql_header is not none }}
  {{ get_limit_subquery_sql(compiled_code, limit) }}
{% endmacro %}

{% macro get_limit_subquery_sql(sql, limit) %}
  {{- adapter.dispatch('get_limit_sql', 'dbt')(sql, limit) -}}
{% endmacro %}

{#- The limit is on a separate line, as the query may end in a comment. -#}
{% macro default__get_limit_sql(sql, limit) %}
  {{ sql }}
  {{ 'limit ' ~ limit if limit is not none }}
{%- endmacro %}
