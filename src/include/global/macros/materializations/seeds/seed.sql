{#- The materialization `seed`: a CSV file as a table. An existing table is emptied and filled, or with a full refresh
    replaced; in one transaction, and without TRUNCATE, which would hide the rows from readers who began before. -#}
{% materialization seed, default %}
  {%- set agate_table = load_agate_table() -%}
  {%- do store_result('agate_table', response='OK', agate_table=agate_table) -%}

  {{- run_hooks(pre_hooks, inside_transaction=False) -}}
  {%- do adapter.lock_relation(this) -%}

  {%- set old_relation = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set full_refresh = should_full_refresh() -%}
  {%- set exists_as_table = old_relation is not none and old_relation.is_table -%}
  {%- if old_relation is not none and not exists_as_table -%}
    {%- do exceptions.raise_compiler_error("Cannot seed to '{}', it is a {}".format(old_relation.render(),
        old_relation.type | replace('_', ' '))) -%}
  {%- endif -%}

  {{- run_hooks(pre_hooks, inside_transaction=True) -}}

  {%- if exists_as_table -%}
    {%- set create_table_sql = reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
  {%- else -%}
    {%- set create_table_sql = create_csv_table(model, agate_table) -%}
  {%- endif -%}
  {%- set rows_affected = agate_table.rows | length -%}
  {%- set insert_sql = load_csv_rows(model, agate_table) if rows_affected > 0 else '' -%}
  {%- set code = 'CREATE' if full_refresh else 'INSERT' -%}
  {%- call noop_statement('main', code ~ ' ' ~ rows_affected, code, rows_affected) %}
    {{- get_csv_sql(create_table_sql, insert_sql) }};
  {%- endcall -%}
  {%- do adapter.restore_dependants() -%}

  {%- set revoke = should_revoke(old_relation, full_refresh) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if full_refresh or not exists_as_table -%}
    {%- do create_indexes(target_relation) -%}
  {%- endif -%}

  {{- run_hooks(post_hooks, inside_transaction=True) -}}
  {%- do adapter.commit() -%}
  {{- run_hooks(post_hooks, inside_transaction=False) -}}

  {{- return({'relations': [target_relation]}) -}}
{% endmaterialization %}
