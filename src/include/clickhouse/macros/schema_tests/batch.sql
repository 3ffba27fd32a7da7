{#- ClickHouse's SQL for tests that share one statement. Not in dbt-clickhouse. -#}
{% macro clickhouse__batched_test_count(condition) %}
  {{- return('countIf(' ~ condition ~ ')') -}}
{% endmacro %}

{#- Equal values have equal hashes: as many hashes as rows prove that no value occurs twice. Sorting hashes is cheaper
    than a hash table, and uses less memory. -#}
{% macro clickhouse__batched_test_repeated(columns, where, single, types) %}
  {%- set conditions = ([columns ~ ' is not null'] if single else []) + (['(' ~ where ~ ')'] if where else []) -%}
  {%- set condition = conditions | join(' and ') or '1' -%}
  {%- set plain = [] -%}
  {%- for name in columns.split(', ') -%}
    {%- set type = types.get(name, '') -%}
    {%- if clickhouse__plain_type(type) and (single or 'Nullable(' not in type) -%}
      {%- do plain.append(name) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if plain | join(', ') == columns -%}
    {%- set hashes = 'groupArrayIf(cityHash64(' ~ columns ~ '), ' ~ condition ~ ')' -%}
    {{- return('length(' ~ hashes ~ ') - length(arrayCompact(arraySort(' ~ hashes ~ ')))') -}}
  {%- endif -%}
  {%- set value = columns if single else 'tuple(' ~ columns ~ ')' -%}
  {{- return('countIf(' ~ condition ~ ') - uniqExactIf(' ~ value ~ ', ' ~ condition ~ ')') -}}
{% endmacro %}

{#- A type, without its storage attributes, whose values are equal exactly if their bytes are; none for any other. Not
    floats: NaN has many representations, and the two zeros differ. -#}
{% macro clickhouse__plain_type(type) %}
  {%- set bare = type.replace('LowCardinality(', '').replace('Nullable(', '').rstrip(')') -%}
  {%- set known = '(?:U?Int\\d+|Bool|String|FixedString\\(\\d+|Date(?:32|Time|Time64)?(?:\\(.*)?|UUID|IPv[46]|' ~
      'Decimal\\(.*)' -%}
  {{- return(bare if modules.re.match('^' ~ known ~ '$', bare) else none) -}}
{% endmacro %}

{#- A reference is a row condition if both columns have one type, or integers of one sign: IN may compare other types
    that a join rejects. GLOBAL: if the relation is distributed, the other is read once. -#}
{% macro clickhouse__batched_test_condition(test, relation, types) %}
  {%- if test.kind == 'rows' -%}{{- return(test.condition) -}}{%- endif -%}
  {%- if not test.parent -%}{{- return(none) -}}{%- endif -%}
  {%- set type = clickhouse__plain_type(types[relation | string].get(test.column, '')) -%}
  {%- set other = clickhouse__plain_type(types[test.parent | string].get(test.field, '')) -%}
  {%- set integers = modules.re.match('^(U?Int)\\d+ \\1\\d+$', type ~ ' ' ~ other) -%}
  {%- if not type or (type != other and not integers) -%}{{- return(none) -}}{%- endif -%}
  {%- set where = ['(' ~ test.where ~ ')'] if test.where else [] -%}
  {{- return('(' ~ (where + [test.column ~ ' is not null', test.column ~ ' global not in (select ' ~ test.field ~
      ' from ' ~ test.parent ~ ')']) | join(' and ') ~ ')') -}}
{% endmacro %}

{#- In one statement for all relations. -#}
{% macro clickhouse__batched_test_types(relation, tests) %}
  {%- set parents = tests | selectattr('parent') | map(attribute='parent') | list -%}
  {%- set types, places = {}, [] -%}
  {%- for each in [relation] + parents -%}
    {%- do types.update({each | string: {}}) -%}
    {%- do places.append("(" ~ adapter.quote_text(each.schema) ~ ", " ~ adapter.quote_text(each.identifier) ~ ")") -%}
  {%- endfor -%}
  {%- if not parents and not tests | selectattr('kind', 'equalto', 'unique') | list -%}
    {{- return(types) -}}
  {%- endif -%}
  {%- set columns = run_query('select database, table, name, type from system.columns where (database, table) in ('
      ~ places | unique | join(', ') ~ ')') -%}
  {%- for each in [relation] + parents -%}
    {%- for column in columns if column[0] == each.schema and column[1] == each.identifier -%}
      {%- do types[each | string].update({column[2]: column[3], adapter.quote(column[2]): column[3]}) -%}
    {%- endfor -%}
  {%- endfor -%}
  {{- return(types) -}}
{% endmacro %}

{#- As few as possible: planning time grows faster than the number of joins. -#}
{% macro clickhouse__batched_test_parts(relation, uniques, wholes) %}
  {%- set parts = [] -%}
  {%- if uniques -%}
    {%- do parts.append('(\n  select ' ~ uniques | join(',\n    ') ~ '\n  from ' ~ relation ~ '\n) dbt_uniques') -%}
  {%- endif -%}
  {%- set counts = [] -%}
  {%- for whole in wholes -%}
    {%- do counts.append('(select count(*) from (\n' ~ whole.sql ~ '\n) dbt_internal_test) as ' ~ whole.name) -%}
  {%- endfor -%}
  {%- if counts -%}
    {%- do parts.append('(\n  select ' ~ counts | join(',\n    ') ~ '\n) dbt_wholes') -%}
  {%- endif -%}
  {{- return(parts) -}}
{% endmacro %}
