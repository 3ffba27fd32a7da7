{#- Settings that a materialization reads: the node's config first, then the command line's flag. -#}

{#- The block of the call becomes the header of the node's statements. -#}
{% macro set_sql_header(config) %}
  {{- config.set('sql_header', caller()) -}}
{% endmacro %}

{% macro should_full_refresh() %}
  {%- set configured = config.get('full_refresh') -%}
  {{- return(flags.FULL_REFRESH if configured is none else configured) -}}
{% endmacro %}

{% macro should_store_failures() %}
  {%- set configured = config.get('store_failures') -%}
  {{- return(flags.STORE_FAILURES if configured is none else configured) -}}
{% endmacro %}
