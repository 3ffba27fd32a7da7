{% macro columns() %}
    {%- set step = var('step', 1) -%}
    {%- if step == 1 %}1 as id, 'a'::varchar(4) as kept, 10::int as gone
    {%- elif step == 2 %}2 as id, 'longer text'::varchar(20) as kept, now()::date > '2000-01-01' as added
    {%- else %}3 as id, 'x'::varchar(4) as kept, 5::numeric(10,2) as gone{% endif -%}
{% endmacro %}
