{% macro pivot(column, values, alias=True, agg='sum', cmp='=', prefix='', suffix='', then_value=1, else_value=0, quote_identifiers=True) %}
  {%- for value in values %}
    {{ agg }}(
      case
      when {{ column }} {{ cmp }} '{{ dbt.escape_single_quotes(value) }}'
        then {{ then_value }}
      else {{ else_value }}
      end
    )
    {%- if alias %} as {{ adapter.quote(prefix ~ value ~ suffix) if quote_identifiers else prefix ~ value ~ suffix }}{% endif %}
    {%- if not loop.last %},{% endif %}
  {%- endfor %}
{% endmacro %}

{% macro wrap() -%}
  /* {{ caller() }} {{ varargs | length }} {{ kwargs }} */
{%- endmacro %}

{% macro values_of(relation, column) %}
  {%- set found = [] -%}
  {%- if execute -%}
    {%- set result = run_query('select distinct ' ~ column ~ ' from ' ~ relation ~ ' order by 1') -%}
    {%- do found.extend(result.columns[0].values()) -%}
  {%- endif -%}
  {{ return(found) }}
{% endmacro %}

{% macro factorial(n) %}{{ return(1 if n <= 1 else n * factorial(n - 1) | int) }}{% endmacro %}

{% macro pivot_note() %}{{ return('called while running only') }}{% endmacro %}
