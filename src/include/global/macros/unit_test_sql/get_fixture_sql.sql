{#- The rows of a unit test as SQL: its inputs replace what the model reads, its expected rows are compared with the
    result. -#}

{#- An input: each row cast to the types of the relation; columns that the row omits are null. Without given types the
    relation itself is queried, or the one deferred to if this one does not exist; if that is missing too, what the
    engine knows about it is used. -#}
{% macro get_fixture_sql(rows, column_name_to_data_types) %}
-- Fixture for {{ model.name }}
{% if not column_name_to_data_types -%}
  {%- set relation = defer_relation if (defer_relation and not load_relation(this)) else this -%}
  {%- set column_name_to_data_types, column_name_to_quoted = {}, {} -%}
  {%- for column in adapter.get_columns_in_relation(relation) -%}
    {%- do column_name_to_data_types.update({column.name | lower: fixture_type(column)}) -%}
    {%- do column_name_to_quoted.update({column.name | lower: column.quoted}) -%}
  {%- endfor -%}
{%- endif -%}
{%- if not column_name_to_data_types -%}
  {#- The relation does not exist: the project defines the types, or the rows do. -#}
  {%- for column in model.columns.values() -%}
    {%- do column_name_to_data_types.update({column.name | lower: column.data_type}) -%}
    {%- do column_name_to_quoted.update({column.name | lower: adapter.quote(column.name if column.quote
        else column.name | lower)}) -%}
  {%- endfor -%}
{%- endif -%}
{%- if not column_name_to_data_types -%}
  {{ exceptions.raise_compiler_error("Not able to get columns for unit test '" ~ model.name ~ "' from relation " ~ this
      ~ " because the relation doesn't exist") }}
{%- endif -%}
{%- set blank = {} -%}
{%- for name, type in column_name_to_data_types.items() -%}
  {%- do blank.update({name: safe_cast('null', type) | trim}) -%}
{%- endfor -%}
{{ validate_fixture_rows(rows, row_number) }}
{%- for row in rows or [{}] -%}
  {%- set cells = blank.copy() -%}
  {%- do cells.update(format_row(row, column_name_to_data_types)) -%}
select{% for name, cell in cells.items() %} {{ cell }} as {{ column_name_to_quoted[name] }}{{ ', '
    if not loop.last }}{% endfor %}
{{- '\nunion all\n' if not loop.last }}
{%- endfor -%}
{{- '\nlimit 0' if not rows -}}
{% endmacro %}

{#- The expected rows, with only the columns that they name. -#}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) %}
{%- for row in rows -%}
{%- set types = column_name_to_data_types.copy() -%}
{%- for name, value in row.items() if name | lower in types -%}
  {%- do types.update({name | lower: expected_type(value, types[name | lower])}) -%}
{%- endfor -%}
select{% for name, cell in format_row(row, types).items() %} {{ cell }} as {{ column_name_to_quoted[name] }}{{ ', '
    if not loop.last }}{% endfor %}
{{- '\nunion all\n' if not loop.last }}
{%- else -%}
select * from dbt_internal_unit_test_actual
limit 0
{%- endfor -%}
{% endmacro %}

{#- A dict of SQL expressions from a dict of values; names are lowered, a name that the relation lacks is an error. A
    text is not truncated to the length of its column: the test should see the model's result. -#}
{% macro format_row(row, column_name_to_data_types) %}
    {%- set cells = {} -%}
    {%- for given_name, value in row.items() -%}
        {%- set name = given_name | lower -%}
        {%- if name not in column_name_to_data_types -%}
            {%- set fixture = 'expected output' if model.resource_type == 'unit_test' else "'" ~ model.name ~ "'" -%}
            {{ exceptions.raise_compiler_error("Invalid column name: '" ~ name ~ "' in unit test fixture for " ~ fixture
                ~ ".\nAccepted columns for " ~ fixture ~ " are: " ~ (column_name_to_data_types.keys() | list)) }}
        {%- endif -%}
        {%- set type = column_name_to_data_types[name] -%}
        {%- set literal = fixture_literal(value, type) -%}
        {%- if value is string -%}
            {%- set type = 'bit varying' if type == 'bit'
              else type.split('(')[0] if 'varying' in type and '[' not in type
                else type -%}
        {%- endif -%}
        {%- do cells.update({name: safe_cast(literal, type)}) -%}
    {%- endfor -%}
    {{- return(cells) -}}
{% endmacro %}

{#- The type of an expected number: its column's, unless the cast would change it. The test of a column of integers
    fails if 2.4 is expected and the model returns 2. -#}
{% macro expected_type(value, type) %}
  {%- set found = modules.re.match('(?i)^(?:nullable\\()?(?:(u?)int(\\d+)|smallint|integer|bigint|(?:numeric|decimal)'
      ~ '\\(\\d+, ?(\\d+)\\))\\)?$', type) -%}
  {%- if not found or value is boolean or not modules.re.match('^-?\\d+([.]\\d+)?$', value | string) -%}
    {{- return(type) -}}
  {%- endif -%}
  {%- set number = value | float -%}
  {%- set bits = (found.group(2) or 64) | int -%}
  {%- set least, most = (0, 2 ** bits - 1) if found.group(1) else (-2 ** (bits - 1), 2 ** (bits - 1) - 1) -%}
  {%- set fits = number == number | round((found.group(3) or 0) | int) and (found.group(3) or least <= number <= most)
  -%}
  {{- return(type if fits else type_numeric()) -}}
{% endmacro %}

{#- The type that values of a column are cast to. dbt's name of the type is not valid for arrays and user-defined types.
    -#}
{% macro fixture_type(column) %}
    {{- return(column.expanded_data_type if column.dtype in ['ARRAY', 'USER-DEFINED'] else column.data_type) -}}
{% endmacro %}

{#- A YAML value as SQL. -#}
{% macro fixture_literal(value, type) %}
    {%- if value is none -%}
        {{ return('null') }}
    {%- elif type | lower in ['json', 'jsonb'] and value is iterable and value is not string -%}
        {{ return(fixture_literal(tojson(value), type)) }}
    {%- elif value is string -%}
        {{ return(dbt.string_literal(dbt.escape_single_quotes(value))) }}
    {%- elif value is iterable -%}
        {{ return(adapter.dispatch('fixture_collection', 'dbt')(value, type)) }}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}

{#- A YAML list is an array. -#}
{% macro default__fixture_collection(value, type) %}
    {%- set parts = [] -%}
    {%- for part in value -%}
        {%- do parts.append(fixture_literal(part, type)) -%}
    {%- endfor -%}
    {{- return(array_construct(parts, type[:-2]) | trim) -}}
{% endmacro %}

{#- A dialect may reject rows here. -#}
{% macro validate_fixture_rows(rows, row_number) %}
{{- return(adapter.dispatch('validate_fixture_rows', 'dbt')(rows, row_number)) -}}
{% endmacro %}

{% macro default__validate_fixture_rows(rows, row_number) %}{% endmacro %}
