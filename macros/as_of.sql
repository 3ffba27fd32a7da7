{#- The moment that time checks compare with, in UTC: var('as_of'), or the clock when it says `now`. The sample events
    do not move, so a check against the clock would fail on them from the first day on. -#}
{% macro as_of() -%}{{ return(adapter.dispatch('as_of')()) }}{%- endmacro %}

{% macro default__as_of() -%}
    {%- if var('as_of') == 'now' -%}
        (now() at time zone 'utc')
    {%- else -%}
        timestamp '{{ var("as_of") }}'
    {%- endif -%}
{%- endmacro %}

{% macro clickhouse__as_of() -%}
    {%- if var('as_of') == 'now' -%}
        now64(3, 'UTC')
    {%- else -%}
        toDateTime64('{{ var("as_of") }}', 3, 'UTC')
    {%- endif -%}
{%- endmacro %}
