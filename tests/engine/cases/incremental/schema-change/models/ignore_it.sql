{{ config(on_schema_change='ignore', incremental_strategy='delete+insert') }}
select {{ columns() }}
{%- if var('step', 1) == 2 %}, 7 as gone{% endif %}
