{#- The materialization `dictionary`: the result of the model's query, a table or an HTTP address, held in memory by
    key. -#}
{% materialization dictionary, adapter='clickhouse' %}
  {%- do adapter.lock_relation(this) -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='dictionary') -%}
  {%- set cluster_clause = on_cluster_clause(target_relation) -%}
  {#- OR REPLACE replaces only a dictionary -#}
  {%- set exchanged = existing_relation is not none and existing_relation.type != 'dictionary' -%}
  {%- set built_relation = make_intermediate_relation(target_relation) if exchanged else target_relation -%}
  {%- if exchanged -%}
    {%- do clickhouse__require_exchange(existing_relation) -%}
  {%- endif -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- call statement('main') %}
    {{- clickhouse__get_create_dictionary_as_sql(built_relation, cluster_clause, sql) }}
  {%- endcall -%}
  {%- if exchanged -%}
    {%- do clickhouse__drop_own_views(target_relation) -%}
    {%- do clickhouse__publish(built_relation, target_relation) -%}
    {%- do adapter.drop_relation(built_relation.incorporate(type=existing_relation.type)) -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(target_relation,
      full_refresh_mode=True)) -%}
  {%- do persist_docs(target_relation, model) -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}

{% macro clickhouse__get_create_dictionary_as_sql(relation, cluster_clause, sql) %}
  create or replace dictionary {{ relation }} {{ cluster_clause }}
  (
    {%- for name, data_type in config.get('fields') %}
    {{ name }} {{ data_type }}{{ ',' if not loop.last }}
    {%- endfor %}
  )
  {{ primary_key_clause(label='primary key') }}
  source({{ http_source() if config.get('source_type') == 'http' else clickhouse_source(sql) }})
  layout({{ config.get('layout') }})
  {%- for clause in ['lifetime', 'range'] if config.get(clause) %}
  {{ clause }}({{ config.get(clause) }})
  {%- endfor %}
{% endmacro %}

{% macro http_source() %}
  http(url '{{ config.get('url') }}' format '{{ config.get('format') }}')
{%- endmacro %}

{#- The server reads from itself, as the profile's user unless `connection_overrides` says otherwise. -#}
{% macro clickhouse_source(sql) %}
  {%- set credentials = adapter.get_credentials(config.get('connection_overrides', {})) -%}
  clickhouse(
    {%- for key, name in [('user', 'user'), ('password', 'password'), ('database', 'db')] if credentials.get(key) %}
    {{ name }} '{{ credentials.get(key) }}'
    {%- endfor %}
    {%- if config.get('table') is not none %}
    table '{{ config.get('table') }}'
    {%- else %}
    query "{{ sql }}"
    {%- endif %}
    {{ "update_field '" ~ config.get('update_field') ~ "'" if config.get('update_field') }}
    {{ 'update_lag ' ~ config.get('update_lag') if config.get('update_lag') is not none }}
  )
{%- endmacro %}

{% macro drop_dictionary_if_exists(relation, cluster_clause) %}
  {%- if relation.type != 'dictionary' -%}
    {%- do log(relation ~ ' is not a dictionary; defaulting to drop_relation_if_exists') -%}
    {{ drop_relation_if_exists(relation) }}
  {%- else -%}
    {%- call statement('drop_dictionary_if_exists') %}
      drop dictionary if exists {{ relation }} {{ cluster_clause }}
    {%- endcall -%}
  {%- endif -%}
{% endmacro %}
