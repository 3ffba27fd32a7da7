{#- Replaces a view in place. Postgres supports this only if every existing column is kept. -#}
{% macro postgres__get_replace_view_sql(relation, sql) %}
    {%- set sql_header = config.get('sql_header', none) -%}
    {{- sql_header if sql_header is not none }}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
    create or replace view {{ relation }} as (
        {{ sql }}
    );
{% endmacro %}

{% macro postgres__get_view_leftovers_sql(existing, new) %}
    {%- set schema_oid = "(select oid from pg_catalog.pg_namespace where nspname = "
        ~ adapter.quote_text(existing.schema) ~ ")" -%}
    {%- call statement('get_view_leftovers', fetch_result=True) %}
    with old as (
      select oid, relacl, relowner from pg_catalog.pg_class
      where relnamespace = {{ schema_oid }} and relname = {{ adapter.quote_text(existing.identifier) }}
    ),
    new as (
      select relacl, relowner from pg_catalog.pg_class
      where relnamespace = {{ schema_oid }} and relname = {{ adapter.quote_text(new.identifier) }}
    )
    select coalesce(pg_catalog.string_agg(statement, ' '), '') from (
      select pg_catalog.format(
        'revoke %s on %s from %s cascade;', a.privilege_type, {{ adapter.quote_text(existing.render()) }},
        case a.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end
      ) as statement
      from old, pg_catalog.aclexplode(old.relacl) a
      where a.grantee <> old.relowner and not exists (
        select from new, pg_catalog.aclexplode(new.relacl) b where b.grantee = a.grantee
          and b.privilege_type = a.privilege_type
      )
      union all
      select pg_catalog.format(case d.objsubid when 0 then 'comment on view %s is null;'
        else 'comment on column %s.%I is null;' end, {{ adapter.quote_text(existing.render()) }}, c.attname)
      from old join pg_catalog.pg_description d on d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.objoid = old.oid
      left join pg_catalog.pg_attribute c on c.attrelid = old.oid and c.attnum = d.objsubid
    ) leftovers
    {%- endcall -%}
    {{- return(load_result('get_view_leftovers')['data'] | map('first') | join) -}}
{% endmacro %}
