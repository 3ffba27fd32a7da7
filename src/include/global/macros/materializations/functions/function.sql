{#- The materialization of user-defined functions. Their kind and language choose the macro that writes the SQL. -#}
{% materialization function, default, supported_languages=['sql', 'python', 'javascript'] %}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type=this.Function) -%}
    {{- run_hooks(pre_hooks) -}}
    {%- do adapter.lock_relation(this) -%}
    {%- set macro_name = this.get_function_macro_name(this.get_function_config(model)) -%}
    {#- under another name, as only literal names may be dispatched where the parser looks -#}
    {%- set find_macro = adapter.dispatch -%}
    {{- function_execute_build_sql(find_macro(macro_name, 'dbt')(target_relation), existing_relation,
        target_relation) -}}
    {{- run_hooks(post_hooks) -}}
    {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
