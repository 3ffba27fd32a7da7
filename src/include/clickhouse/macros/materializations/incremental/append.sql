{#- The strategy `append`: an INSERT SELECT makes its blocks visible one by one, and keeps those that it has written
    when it fails. So the rows are staged and go over at once. -#}

{#- Where whole partitions cannot go over (materialized views that must see the rows, a cluster, an engine without
    partitions, a token that is to find repetitions in the target), the plain INSERT of dbt-clickhouse is used. -#}
{#- by_name: columns have come or gone, so that those of the query and of the table may stand in another order. -#}
{% macro clickhouse__incremental_append(existing_relation, by_name) %}
  {%- set target, has_contract = existing_relation, config.get('contract').enforced -%}
  {%- set columns = [] -%}
  {%- set obstacle = 'query_settings has insert_deduplication_token' if 'insert_deduplication_token'
      in (config.get('query_settings') or {}) else clickhouse__publish_obstacle(target, columns) -%}
  {%- if obstacle is not none and clickhouse__new_rows_notes() -%}
    {%- do exceptions.raise_compiler_error("new_rows cannot append to " ~ target ~ " each row once: " ~ obstacle
        ~ ". Nothing was changed. A unique_key with the strategy 'delete_insert' makes a repeated row take the place "
        "of itself.") -%}
  {%- endif -%}
  {%- if obstacle is not none -%}
    {%- do clickhouse__refuse_audit(target, obstacle) -%}
    {%- do log('Appending to ' ~ target ~ ' by INSERT, whose rows appear block by block: ' ~ obstacle) -%}
    {%- call statement('main') %}
      {{- clickhouse__insert_into(target, sql, has_contract, use_columns_from_sql=by_name) }}
    {%- endcall -%}
    {{ return('') }}
  {%- endif -%}

  {%- set new_rows = clickhouse__publish_relation(target, 'new') -%}
  {%- do clickhouse__publish_create_like(new_rows, target) -%}
  {%- call statement('main') %}
    {%- if by_name or not columns or adapter.overridden('clickhouse__insert_into', 'get_columns_in_relation') -%}
      {{- clickhouse__insert_into(new_rows, sql, has_contract, use_columns_from_sql=by_name) }}
    {%- else -%}
      {{- clickhouse__insert_columns(new_rows, sql, has_contract, columns) }}
    {%- endif -%}
  {%- endcall -%}
  {%- do clickhouse__publish_append(target, new_rows) -%}
  {%- do clickhouse__publish_drop(new_rows) -%}
{% endmacro %}

{#- Adds the rows of a table of the same structure. -#}
{% macro clickhouse__publish_append(target, new_rows) %}
  {%- set look = clickhouse__publish_look([target, new_rows]) -%}
  {%- set actions = [] -%}
  {%- for partition in look[new_rows.identifier].blocks -%}
    {%- do actions.append("attach partition id '" ~ partition ~ "' from " ~ new_rows) -%}
  {%- endfor -%}
  {%- do clickhouse__publish_actions(target, actions, look[target.identifier]) -%}
{% endmacro %}
