{#- Every macro that no materialization calls, and every method of `adapter` that ends in a macro. -#}
{% macro call_utils() %}
  {% set texts = [
    concat(["'a'", "'b'"]), datediff("toDate('2024-01-01')", "toDate('2024-02-01')", 'day'), date_trunc('month', "toDate('2024-01-01')"), length("'a'"), replace("'a'", "'a'", "'b'"), except(), intersect(),
    equals('1', '2'), right("'ab'", 1), safe_cast("'1'", 'Int32'), dateadd('day', 1, "toDate('2024-01-01')"), cast_bool_to_text('true'), any_value('1'), listagg('x', "','"), last_day("toDate('2024-01-01')", 'month'),
    array_append('[1]', '2'), cast('1', 'String'), bool_or('true'), escape_single_quotes("it's"), array_concat('[1]', '[2]'), date(2024, 1, 2),
    split_part("'a-b'", "'-'", 1), string_literal('x'), type_string(), type_timestamp(), type_float(), type_numeric(), type_bigint(), type_int(), type_boolean(), generate_series(5), array_construct([1, 2], 'Int32'),
    position("'a'", "'ab'"), hash("'a'"), current_timestamp(), snapshot_get_time(), get_empty_schema_sql({'a': {'name': 'a', 'data_type': 'Int32'}}), get_limit_subquery_sql('select 1', 1), py_current_timestring(),
  ] %}
  {% do run_query('select 1') %}
  {% do get_columns_in_query('select 1 as a') %}
  {% do get_column_schema_from_query('select 1 as a') %}
{% endmacro %}

{% macro call_adapter() %}
  {% set place = api.Relation.create(schema=target.schema ~ '_operations', identifier='o', type='table') %}
  {% do adapter.create_schema(place) %}
  {% do adapter.check_schema_exists('', place.schema) %}
  {% do run_query("create table " ~ place ~ " engine = MergeTree order by id as select 1 as id, 'x' as name") %}
  {% set table = adapter.get_relation('', place.schema, 'o') or place %}
  {% do load_relation(table) %}
  {% set found = get_or_create_relation('', place.schema, 'o', 'table') %}
  {% do adapter.get_columns_in_relation(table) %}
  {% do adapter.truncate_relation(table) %}
  {% do truncate_relation(table) %}
  {% set moved = table.incorporate(path={'identifier': 'q'}) %}
  {% do adapter.rename_relation(table, moved) %}
  {% do adapter.drop_relation(moved) %}
  {% do adapter.drop_schema(place) %}
{% endmacro %}
