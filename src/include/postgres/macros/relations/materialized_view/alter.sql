{#- Updates a materialized view to its model: a changed query rebuilds it, changed indexes do not. The rows are
    refreshed between dropping old and creating new indexes: a new one may be unique only over the new rows. -#}
{% macro postgres__get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation,
    backup_relation, intermediate_relation) %}
    {%- if configuration_changes.requires_full_refresh -%}
        {{ get_replace_sql(existing_relation, relation, sql) }}
    {%- else -%}
        {%- set drops = configuration_changes.indexes | selectattr('action', 'equalto', 'drop') | list -%}
        {%- set creates = configuration_changes.indexes | selectattr('action', 'equalto', 'create') | list -%}
        {{ postgres__update_indexes_on_materialized_view(relation, drops) ~ ';' if drops }}
        {{ refresh_materialized_view(relation) }}
        {{ ';' ~ postgres__update_indexes_on_materialized_view(relation, creates) if creates }}
    {%- endif -%}
{% endmacro %}

{% macro postgres__update_indexes_on_materialized_view(relation, index_changes) %}
    {%- do log('Applying UPDATE INDEXES to: ' ~ relation) -%}
    {%- for change in index_changes -%}
        {%- if change.action == 'drop' -%}
            {{ postgres__get_drop_index_sql(relation, change.context.name) }}
        {%- elif change.action == 'create' -%}
            {{ postgres__get_create_index_sql(relation, change.context.as_node_config) }}
        {%- endif -%}
        {{ ';\n' if not loop.last }}
    {%- endfor -%}
{% endmacro %}

{% macro postgres__get_materialized_view_configuration_changes(existing_relation, new_config) %}
    {%- set present = postgres__describe_materialized_view(existing_relation) -%}
    {%- do present.update({'query_changed': postgres__materialized_view_query_changed(existing_relation, sql)}) -%}
    {{- return(existing_relation.get_materialized_view_config_change_collection(present, new_config.model)) -}}
{% endmacro %}

{#- Whether the model's query differs from the materialized view's. The server decides: it normalizes both definitions.
    A restored view has already been normalized, which can change the text once more, so a second comparison follows
    after normalizing again. -#}
{% macro postgres__materialized_view_query_changed(relation, sql) %}
    {%- set probe = make_intermediate_relation(relation).incorporate(type='view') -%}
    {%- set found = namespace(changed=true, query=sql) -%}
    {%- for look in range(2) -%}
        {%- if found.changed -%}
            {%- call statement('materialized_view_query', fetch_result=True) %}
    create or replace view {{ probe }} as {{ found.query }}
    ;
    select pg_catalog.pg_get_viewdef(old.oid) is distinct from pg_catalog.pg_get_viewdef(new.oid) as changed,
        pg_catalog.rtrim(pg_catalog.pg_get_viewdef(new.oid), ';') as query
    from pg_catalog.pg_class as new
    left join pg_catalog.pg_class as old
        on old.relnamespace = new.relnamespace and old.relname = {{ adapter.quote_text(relation.identifier) }}
    where new.relname = {{ adapter.quote_text(probe.identifier) }}
        and new.relnamespace = (
            select oid from pg_catalog.pg_namespace where nspname = {{ adapter.quote_text(relation.schema) }}
        )
            {%- endcall -%}
            {%- set row = load_result('materialized_view_query')['data'][0] -%}
            {%- set found.changed, found.query = row[0], row[1] -%}
        {%- endif -%}
    {%- endfor -%}
    {%- call statement('drop_materialized_view_query') %} drop view {{ probe }} {%- endcall -%}
    {{- return(found.changed) -}}
{% endmacro %}
