{#- The schema of a node's relation. Projects override `generate_schema_name`. -#}
{% macro generate_schema_name(custom_schema_name=none, node=none) %}
{{- return(adapter.dispatch('generate_schema_name', 'dbt')(custom_schema_name, node)) -}}
{% endmacro %}

{#- The target's schema, followed by the configured one: two people never write to the same schema. -#}
{% macro default__generate_schema_name(custom_schema_name, node) %}
    {{- target.schema if custom_schema_name is none else target.schema ~ '_' ~ (custom_schema_name | trim) -}}
{% endmacro %}

{#- For projects that want it: the configured schema alone in the target `prod`, the target's schema everywhere else.
    -#}
{% macro generate_schema_name_for_env(custom_schema_name, node) %}
    {{- custom_schema_name | trim if target.name == 'prod' and custom_schema_name is not none else target.schema -}}
{% endmacro %}
