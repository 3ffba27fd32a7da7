

   {{ config(materialized='view') }}   

{% if true -%}
    select
{%- endif %}
      1   as  a   {#- gone -#}   ,
    {%- for i in [1, 2] %}
      {{ i }} as c{{ i }}{{ "," if not loop.last }}
    {% endfor %}

   -- end	tab

