{#- The numbers from 1 to a bound, made from a cross join of bits, so that any database can do it. -#}
{% macro get_powers_of_two(upper_bound) %}{{
  return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound))
}}{% endmacro %}

{#- How many bits are needed to count to the bound. -#}
{% macro default__get_powers_of_two(upper_bound) %}
    {%- if upper_bound <= 0 -%}
        {{ exceptions.raise_compiler_error('upper bound must be positive') }}
    {%- endif -%}
    {%- for bits in range(1, 100) if upper_bound <= 2 ** bits -%}
        {{ return(bits) }}
    {%- endfor -%}
{% endmacro %}

{% macro generate_series(upper_bound) %}{{
  return(adapter.dispatch('generate_series', 'dbt')(upper_bound))
}}{% endmacro %}

{% macro default__generate_series(upper_bound) %}

    {% set bits = dbt.get_powers_of_two(upper_bound) %}

    with p as (
        select 0 as generated_number union all select 1
    ), unioned as (

    select

    {% for bit in range(bits) %}
    p{{ bit }}.generated_number * power(2, {{ bit }})
    {% if not loop.last %} + {% endif %}
    {% endfor %}
    + 1
    as generated_number

    from

    {% for bit in range(bits) %}
    p as p{{ bit }}
    {% if not loop.last %} cross join {% endif %}
    {% endfor %}

    )

    select *
    from unioned
    where generated_number <= {{ upper_bound }}
    order by generated_number

{% endmacro %}
