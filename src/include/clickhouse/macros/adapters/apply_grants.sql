{#- Grants on a relation. ClickHouse accepts one statement at a time, and ON CLUSTER before the privilege. -#}

{% macro clickhouse__get_show_grant_sql(relation) %}
    select toString(access_type) as privilege_type, coalesce(user_name, role_name) as grantee
    from system.grants
    where database = {{ adapter.quote_text(relation.schema) }} and table = {{ adapter.quote_text(relation.name) }}
{% endmacro %}

{% macro clickhouse__call_dcl_statements(dcl_statement_list) %}
    {%- for sql in dcl_statement_list -%}
      {%- call statement('dcl') %}{{ sql }}{% endcall -%}
    {%- endfor -%}
{% endmacro %}

{% macro clickhouse__get_grant_sql(relation, privilege, grantees) -%}
    grant {{ on_cluster_clause(relation) }} {{ privilege }} on {{ relation }} to {% for grantee in grantees %}{{
        adapter.quote_written(grantee) }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#- These names come from the server, so all of them are quoted. -#}
{% macro clickhouse__get_revoke_sql(relation, privilege, grantees) -%}
    revoke {{ on_cluster_clause(relation) }} {{ privilege }} on {{ relation }} from {% for grantee
        in grantees %}{{ adapter.quote(grantee) }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
