{#- Every macro that no materialization calls, and every method of `adapter` that ends in a macro. -#}
{% macro call_utils() %}
  {% set texts = [
    concat(["'a'", "'b'"]), datediff("'2024-01-01'::date", "'2024-02-01'::date", 'day'), date_trunc('month', "'2024-01-01'::date"), length("'a'"), replace("'a'", "'a'", "'b'"), except(), intersect(),
    equals('1', '2'), right("'ab'", 1), safe_cast("'1'", 'integer'), dateadd('day', 1, "'2024-01-01'::date"), cast_bool_to_text('true'), any_value('1'), listagg('x', "','", 'order by x', 2), last_day("'2024-01-01'::date", 'month'),
    last_day("'2024-01-01'::date", 'quarter'), date_spine('day', "'2024-01-01'::date", "'2024-01-05'::date"), array_append('array[1]', '2'), cast('1', 'text'), bool_or('true'), escape_single_quotes("it's"), array_concat('array[1]', 'array[2]'), date(2024, 1, 2),
    split_part("'a-b'", "'-'", 1), split_part("'a-b'", "'-'", -1), string_literal('x'), type_string(), type_timestamp(), type_float(), type_numeric(), type_bigint(), type_int(), type_boolean(), generate_series(5), array_construct([1, 2], 'integer'),
    array_construct([], 'integer'), position("'a'", "'ab'"), hash("'a'"), current_timestamp(), current_timestamp_backcompat(), current_timestamp_in_utc_backcompat(), snapshot_get_time(), get_empty_schema_sql({'a': {'name': 'a', 'data_type': 'integer'}}),
    get_limit_subquery_sql('select 1', 1), py_current_timestring(), dates_in_range('20240101', '20240103', '%Y%m%d', '%Y%m%d'), partition_range('20240101,20240103'), snapshot_string_as_time('2024-01-01'),
  ] %}
  {% do convert_datetime('2024-01-01', '%Y-%m-%d') %}
  {% do run_query('select 1') %}
  {% do get_columns_in_query('select 1 as a') %}
  {% do get_column_schema_from_query('select 1 as a') %}
  {% do validate_sql('select 1') %}
{% endmacro %}

{% macro call_adapter() %}
  {% set place = api.Relation.create(database=target.database, schema=target.schema ~ '_operations', identifier='o') %}
  {% do adapter.create_schema(place) %}
  {% do adapter.check_schema_exists(target.database, place.schema) %}
  {% call statement('make') %} create table {{ place }} as select 1 as id, 'x'::varchar(2) as name; create table {{ place.incorporate(path={'identifier': 'p'}) }} as select 1 as id, 'x'::varchar(9) as name, 2 as more {% endcall %}
  {% set other = adapter.get_relation(place.database, place.schema, 'p') %}
  {% set table = adapter.get_relation(place.database, place.schema, 'o') %}
  {% do load_relation(table) %}
  {% set found = get_or_create_relation(place.database, place.schema, 'o', 'table') %}
  {% do adapter.get_columns_in_relation(table) %}
  {% do adapter.get_missing_columns(other, table) %}
  {% do adapter.expand_target_column_types(other, table) %}
  {% do adapter.already_exists(place.schema, 'o') %}
  {% do adapter.truncate_relation(table) %}
  {% do truncate_relation(table) %}
  {% do alter_column_type(table, 'name', 'text') %}
  {% do alter_relation_add_remove_columns(table, [api.Column.create('extra', 'integer')], []) %}
  {% set moved = table.incorporate(path={'identifier': 'q'}) %}
  {% do adapter.rename_relation(table, moved) %}
  {% do adapter.drop_relation(moved) %}
  {% do drop_relation_if_exists(other) %}
  {% do get_relations() %}
  {% set texts = [get_create_sql(place.incorporate(type='view'), 'select 1'), get_create_sql(place.incorporate(type='table'), 'select 1'), get_replace_sql(place.incorporate(type='table'), place.incorporate(type='view'), 'select 1'),
    get_create_intermediate_sql(place.incorporate(type='view'), 'select 1'), get_create_backup_sql(place.incorporate(type='view')), get_drop_index_sql(place, 'i'), get_show_indexes_sql(place)] %}
  {% do drop_schema_named(place.schema) %}
{% endmacro %}
