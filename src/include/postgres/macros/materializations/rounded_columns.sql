{#- The values decide: a `numeric` of whole numbers fits a bigint. They are read only if the types have different
    ranges. -#}
{% macro postgres__rounded_columns(source, target) %}
  {%- set kept, suspects, conditions, rounded = {}, [], [], [] -%}
  {%- for column in adapter.get_columns_in_relation(target) -%}
    {%- do kept.update({column.name: column.expanded_data_type}) -%}
  {%- endfor -%}
  {%- for column in adapter.get_columns_in_relation(source) if column.name in kept -%}
    {%- set type, new_type, name = kept[column.name], column.expanded_data_type, column.quoted -%}
    {%- if type != new_type and postgres__may_round(type, new_type) -%}
      {%- do suspects.append({'name': column.name, 'type': type, 'new_type': new_type}) -%}
      {%- do conditions.append('coalesce(bool_or(' ~ name ~ ' is distinct from ' ~ name ~ '::' ~ type ~ '::' ~ new_type
          ~ '), false)') -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if suspects -%}
    {%- set found = run_query('select ' ~ conditions | join(', ') ~ ' from ' ~ source).rows[0] -%}
    {%- for suspect in suspects -%}
      {%- if found[loop.index0] -%}
        {%- do rounded.append(suspect) -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(rounded) -}}
{% endmacro %}

{#- Only types between which the database converts in an insert. -#}
{% macro postgres__may_round(type, new_type) %}
  {%- set is_decimal = new_type.startswith('numeric') or new_type in ['real', 'double precision'] -%}
  {{- return((is_decimal and (type in ['smallint', 'integer', 'bigint', 'real'] or type.startswith('numeric(')))
      or (type == 'date' and new_type.startswith('timestamp'))
      or (type.startswith('time') and '(' in type and new_type.startswith('time'))) -}}
{% endmacro %}
