{#- SQL that drops the result of get_create_backup_sql. Its readers are dropped first, by name and not by CASCADE, and
    are to be recreated on the new relation by adapter.restore_dependants; any other dependant aborts the transaction.
    -#}
{% macro get_drop_backup_sql(relation) %}
    {%- do log('Applying DROP BACKUP to: ' ~ relation) -%}
    {{- adapter.dispatch('get_drop_backup_sql', 'dbt')(relation) -}}
{% endmacro %}

{% macro default__get_drop_backup_sql(relation) %}
    {%- for dependant in adapter.dependants(relation) %}
    {{ dependant.drop_sql }};
    {%- endfor %}
    drop {{ relation.type | replace('_', ' ') }} if exists {{ make_backup_relation(relation, relation.type) }}
{%- endmacro %}
