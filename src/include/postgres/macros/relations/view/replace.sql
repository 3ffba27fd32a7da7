{#- Replacing a view where it stands. Postgres does this only while every column that was there stays. -#}
{% macro postgres__get_replace_view_sql(relation, sql) %}
    {%- set sql_header = config.get('sql_header', none) -%}
    {{- sql_header if sql_header is not none }}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
    create or replace view {{ relation }} as (
        {{ sql }}
    );
{% endmacro %}
