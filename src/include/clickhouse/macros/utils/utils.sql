{#- dbt's cross-database functions in ClickHouse's SQL, and the query that evaluates a test. -#}

{% macro clickhouse__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}
    select
      {{ fail_calc }} as failures,
      {{ fail_calc }} {{ warn_if }} as should_warn,
      {{ fail_calc }} {{ error_if }} as should_error
    from (
      {{ main_sql if limit is none else clickhouse__place_limit(main_sql, limit) }}
    ) dbt_internal_test
{% endmacro %}

{#- A query with settings marks the end of its text by `-- end_of_sql`: a limit must precede the settings. -#}
{% macro clickhouse__place_limit(query, limit) %}
  {%- if 'settings' not in query.lower() -%}
    {{ query }}
    limit {{ limit }}
  {%- else -%}
    {%- if '-- end_of_sql' not in query.lower() -%}
      {%- do exceptions.raise_compiler_error('-- end_of_sql must be set when using ClickHouse settings') -%}
    {%- endif -%}
    {%- set parts = query.split('-- end_of_sql') -%}
    {{ parts[:-1] | join('-- end_of_sql') }}
    limit {{ limit }}
    -- end_of_sql{{ parts[-1] }}
  {%- endif -%}
{% endmacro %}

{% macro clickhouse__any_value(expression) -%}
    any({{ expression }})
{%- endmacro %}

{% macro clickhouse__bool_or(expression) -%}
    max({{ expression }}) > 0
{%- endmacro %}

{% macro clickhouse__cast_bool_to_text(field) %}
    multiIf({{ field }} > 0, 'true', {{ field }} = 0, 'false', NULL)
{% endmacro %}

{% macro clickhouse__hash(field) -%}
    lower(hex(MD5(toString({{ field }} ))))
{%- endmacro %}

{#- The day before the next period begins. -#}
{% macro clickhouse__last_day(date, datepart) -%}
    {{ dbt.dateadd('day', '-1', dbt.dateadd(datepart, '1', dbt.date_trunc(datepart, date))) }}
{%- endmacro %}

{% macro clickhouse__split_part(string_text, delimiter_text, part_number) %}
    splitByString({{ delimiter_text }}, {{ string_text }})[{{ part_number }}]
{% endmacro %}

{% macro clickhouse__replace(field, old_chars, new_chars) %}
   replaceAll({{ field }},'{{ old_chars }}','{{ new_chars }}')
{% endmacro %}

{#- order_by_clause: `order by <one field> [desc]`. -#}
{% macro clickhouse__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- set values = 'array_agg(' ~ measure ~ ')' -%}
    {%- set words = (order_by_clause or '').split() -%}
    {%- if words[:2] | join(' ') | lower == 'order by' -%}
      {%- if ',' in words -%}
        {%- do exceptions.raise_compiler_error('ClickHouse does not support multiple order by fields.') -%}
      {%- endif -%}
      {%- set sort = 'arrayReverseSort' if 'desc' in words[3:] | join | lower else 'arraySort' -%}
      {%- set values = 'arrayMap(x -> x.1, ' ~ sort ~ '(x -> x.2, arrayZip(' ~ values ~ ', array_agg(' ~ words[2]
          ~ '))))' -%}
    {%- endif -%}
    arrayStringConcat({{ 'arraySlice(' ~ values ~ ', 1, ' ~ limit_num ~ ')' if limit_num
        else values }}, {{ delimiter_text }})
{%- endmacro %}

{% macro clickhouse__array_construct(inputs, data_type) -%}
    {%- if inputs | length > 0 -%}
    [ {{ inputs | join(' , ') }} ]
    {%- else -%}
    emptyArray{{ data_type }}()
    {%- endif -%}
{%- endmacro %}

{% macro clickhouse__array_append(array, new_element) -%}
    arrayPushBack({{ array }}, {{ new_element }})
{%- endmacro %}

{% macro clickhouse__array_concat(array_1, array_2) -%}
   arrayConcat({{ array_1 }}, {{ array_2 }})
{%- endmacro %}

{#- For `show` and for tests with a limit; dbt-clickhouse puts it after the settings, which the server rejects. -#}
{% macro clickhouse__get_limit_sql(sql, limit) %}
  {{ clickhouse__place_limit(sql, limit) if limit is not none and '-- end_of_sql' in sql
      else default__get_limit_sql(sql, limit) }}
{% endmacro %}
