{#- Native partitions of a table, for adapters that create them themselves. -#}

{#- Makes room in `target` for the rows of `source`. Returns none, or a dict whose `relation` receives the rows in its
    place. -#}
{% macro prepare_partitions(target, source) %}
  {{- return(adapter.dispatch('prepare_partitions', 'dbt')(target, source)) -}}
{% endmacro %}

{% macro default__prepare_partitions(target, source) %}{{ return(none) }}{% endmacro %}

{#- After the rows were added. written: what prepare_partitions returned. -#}
{% macro finish_partitions(target, written) %}
  {{- return(adapter.dispatch('finish_partitions', 'dbt')(target, written)) -}}
{% endmacro %}

{% macro default__finish_partitions(target, written) %}{% endmacro %}
