{#- The moment that time checks compare with, as a `timestamp` in UTC: var('as_of'), or the clock when it says `now`. The sample
    events do not move, so a check against the clock would fail on them from the first day on. -#}
{% macro as_of() -%}
    {%- if var('as_of') == 'now' -%}
        (now() at time zone 'utc')
    {%- else -%}
        timestamp '{{ var("as_of") }}'
    {%- endif -%}
{%- endmacro %}
