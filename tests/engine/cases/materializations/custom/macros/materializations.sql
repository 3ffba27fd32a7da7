{% materialization logged_table, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set old = load_cached_relation(this) -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% if old is not none %}{% do adapter.drop_relation(old) %}{% endif %}
  {% call statement('main') -%}
    create table {{ target_relation }} as {{ sql }}
  {%- endcall %}
  {% do create_indexes(target_relation) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro postgres__create_view_as(relation, sql) %}
  create view {{ relation }} as ( select *, true as overridden from ( {{ sql }} ) s );
{% endmacro %}

{% macro get_incremental_only_new_sql(arg_dict) %}
  insert into {{ arg_dict['target_relation'] }} select * from {{ arg_dict['temp_relation'] }} t
  where not exists (select 1 from {{ arg_dict['target_relation'] }} d where d.id = t.id)
{% endmacro %}
