{% materialization view, default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {% do adapter.drop_relation(load_cached_relation(this)) if load_cached_relation(this) %}
  {% call statement('main') %}create table {{ target_relation }} as ({{ sql }}){% endcall %}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
