{#- The materialization `materialized_view`: created, refreshed, altered or rebuilt, depending on its state and config.
    The parts are separate macros, as adapters replace them. -#}
{% materialization materialized_view, default %}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {%- do adapter.lock_relation(this) -%}

    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type=this.MaterializedView) -%}
    {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
    {%- set backup_relation = make_backup_relation(target_relation, target_relation.MaterializedView
        if existing_relation is none else existing_relation.type) -%}

    {{- materialized_view_setup(backup_relation, intermediate_relation, []) -}}
    {%- set build_sql = materialized_view_get_build_sql(existing_relation, target_relation, backup_relation,
        intermediate_relation) -%}
    {%- if build_sql == '' -%}
        {{ materialized_view_execute_no_op(target_relation) }}
        {%- do adapter.commit() -%}
    {%- else -%}
        {{ materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) }}
    {%- endif -%}
    {{- materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) -}}

    {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{#- Working relations left by another tool's killed run. -#}
{% macro materialized_view_setup(backup_relation, intermediate_relation, pre_hooks) %}
    {{- drop_relation_if_exists(load_cached_relation(backup_relation)) -}}
    {{- drop_relation_if_exists(load_cached_relation(intermediate_relation)) -}}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
{% endmacro %}

{#- The working relations end with the transaction that created them; an overridden drop macro is called nevertheless.
    -#}
{% macro materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) %}
    {%- if replaced_by_own_macros(backup_relation) -%}
        {{- drop_relation_if_exists(backup_relation) -}}
        {{- drop_relation_if_exists(intermediate_relation) -}}
    {%- endif -%}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
{% endmacro %}

{#- '' if nothing is to be done. With the setting `continue` the rows are refreshed, and the rest is kept. -#}
{% macro materialized_view_get_build_sql(existing_relation, target_relation, backup_relation, intermediate_relation) %}
    {%- set full_refresh = should_full_refresh() -%}
    {%- if existing_relation is none -%}
        {{ return(get_create_materialized_view_as_sql(target_relation, sql)) }}
    {%- elif full_refresh or not existing_relation.is_materialized_view -%}
        {{ return(get_replace_sql(existing_relation, target_relation, sql)) }}
    {%- endif -%}
    {%- set changes = get_materialized_view_configuration_changes(existing_relation, config) -%}
    {%- set on_change = config.get('on_configuration_change') -%}
    {%- if changes is none -%}
        {{ return(refresh_materialized_view(target_relation)) }}
    {%- elif on_change == 'apply' -%}
        {{ return(get_alter_materialized_view_as_sql(target_relation, changes, sql, existing_relation, backup_relation,
            intermediate_relation)) }}
    {%- elif on_change == 'continue' -%}
        {%- do exceptions.warn('Configuration changes were identified and `on_configuration_change` was set to '
            '`continue` for `' ~ target_relation.render() ~ '`') -%}
        {{ return(refresh_materialized_view(target_relation)) }}
    {%- elif on_change == 'fail' -%}
        {%- do exceptions.raise_fail_fast_error('Configuration changes were identified and `on_configuration_change` '
            'was set to `fail` for `' ~ target_relation.render() ~ '`') -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error('Unexpected configuration scenario') -%}
    {%- endif -%}
{% endmacro %}

{% macro materialized_view_execute_no_op(target_relation) %}
    {%- do store_raw_result(name='main', message='skip ' ~ target_relation, code='skip', rows_affected='-1') -%}
{% endmacro %}

{% macro materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) %}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- call statement(name='main') %}
        {{- build_sql }}
    {%- endcall -%}
    {%- do adapter.restore_dependants() -%}
    {%- set revoke = should_revoke(existing_relation, full_refresh_mode=True) -%}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do adapter.commit() -%}
{% endmacro %}
