{#- Running the SQL of a function, with what every node gets after it: grants, comments, the end of the transaction. -#}
{% macro function_execute_build_sql(build_sql, existing_relation, target_relation) %}
{{- return(adapter.dispatch('function_execute_build_sql', 'dbt')(build_sql, existing_relation, target_relation)) -}}
{% endmacro %}

{% macro default__function_execute_build_sql(build_sql, existing_relation, target_relation) %}
    {%- call statement('main') %}
        {{- build_sql }}
    {%- endcall -%}
    {%- set revoke = should_revoke(existing_relation, full_refresh_mode=True) -%}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
    {%- do persist_docs(target_relation, model) -%}
    {%- do adapter.commit() -%}
{% endmacro %}
