{#- The strategy `append`: an INSERT SELECT makes its blocks visible one by one, and keeps the written ones if it fails.
    So the rows are staged and published at once. -#}

{#- If whole partitions cannot be moved (materialized views that must see the rows, a cluster, an engine without
    partitions, a token that must detect duplicates in the target), it uses dbt-clickhouse's plain INSERT. -#}
{#- by_name: columns were added or dropped, so query and table may have them in different orders. -#}
{% macro clickhouse__incremental_append(existing_relation, by_name) %}
  {%- set target, has_contract = existing_relation, config.get('contract').enforced -%}
  {%- set columns, types = [], {} -%}
  {%- set obstacle = 'query_settings has insert_deduplication_token' if 'insert_deduplication_token'
      in (config.get('query_settings') or {}) else clickhouse__publish_obstacle(target, columns, types) -%}
  {%- if obstacle is not none and clickhouse__new_rows_notes() -%}
    {%- do exceptions.raise_compiler_error("new_rows cannot append to " ~ target ~ " each row once: " ~ obstacle
        ~ ". Nothing was changed. A unique_key with the strategy 'delete_insert' makes a repeated row take the place "
        "of itself.") -%}
  {%- endif -%}
  {%- if obstacle is not none -%}
    {%- do clickhouse__refuse_audit(target, obstacle) -%}
    {%- do log('Appending to ' ~ target ~ ' by INSERT, whose rows appear block by block: ' ~ obstacle) -%}
    {%- set exact = clickhouse__exact_insert(target, target, types, has_contract, by_name) -%}
    {%- call statement('main') %}
      {{- exact or clickhouse__insert_into(target, sql, has_contract, use_columns_from_sql=by_name) }}
    {%- endcall -%}
    {{ return('') }}
  {%- endif -%}

  {%- set new_rows = clickhouse__publish_relation(target, 'new') -%}
  {%- do clickhouse__publish_create_like(new_rows, target) -%}
  {%- set exact = clickhouse__exact_insert(new_rows, target, types, has_contract, by_name) -%}
  {%- call statement('main') %}
    {%- if exact -%}
      {{- exact }}
    {%- elif by_name or not columns or adapter.overridden('clickhouse__insert_into', 'get_columns_in_relation') -%}
      {{- clickhouse__insert_into(new_rows, sql, has_contract, use_columns_from_sql=by_name) }}
    {%- else -%}
      {{- clickhouse__insert_columns(new_rows, sql, has_contract, columns) }}
    {%- endif -%}
  {%- endcall -%}
  {%- do clickhouse__publish_append(target, new_rows) -%}
  {%- do clickhouse__publish_drop(new_rows) -%}
{% endmacro %}

{#- The INSERT if a value of the query might change in the column's type; none if it cannot, or if a macro of the
    project writes the INSERT. target: provides the types that `types` lacks -#}
{% macro clickhouse__exact_insert(relation, target, types, has_contract, by_name) %}
  {%- if adapter.overridden('clickhouse__insert_into', 'get_columns_in_relation') -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set given = adapter.get_column_schema_from_query(sql, query_settings=config.get('query_settings', {}) or {}) -%}
  {%- for column in (adapter.get_columns_in_relation(target) if not types else []) -%}
    {%- do types.update({column.name: column.expanded_data_type}) -%}
  {%- endfor -%}
  {%- set found = given | map(attribute='name') | list -%}
  {%- set names = found if by_name and not has_contract else types | list -%}
  {%- set by_position = not (by_name or has_contract) -%}
  {%- set exact = adapter.exact_columns(given, types, names, by_position) -%}
  {%- if exact | join(', ') == get_quoted_csv(found if by_position else names) or found | unique | list | length
      < found | length or (by_position and found | length != names | length) -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set insert %}
    insert into {{ relation }} ({{ get_quoted_csv(names) }})
    select {{ exact | join(', ') }}
    from (
      {{ sql }}
    )
    {{ adapter.get_model_query_settings(model) }}
  {%- endset -%}
  {{- return(insert) -}}
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
