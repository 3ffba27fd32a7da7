{#- Grants on a relation. ClickHouse takes one statement at a time, and ON CLUSTER before the privilege. -#}

{% macro clickhouse__get_show_grant_sql(relation) %}
    select toString(access_type) as privilege_type, coalesce(user_name, role_name) as grantee
    from system.grants
    where database = '{{ relation.schema }}' and table = '{{ relation.name }}'
{% endmacro %}

{% macro clickhouse__call_dcl_statements(dcl_statement_list) %}
    {%- for sql in dcl_statement_list -%}
      {%- call statement('dcl') %}{{ sql }}{% endcall -%}
    {%- endfor -%}
{% endmacro %}

{% macro clickhouse__get_grant_sql(relation, privilege, grantees) -%}
    grant {{ on_cluster_clause(relation) }} {{ privilege }} on {{ relation }} to {{ grantees | join(', ') }}
{%- endmacro %}

{#- These names come from the server, so they are quoted; those of a grant are as the user wrote them. -#}
{% macro clickhouse__get_revoke_sql(relation, privilege, grantees) -%}
    revoke {{ on_cluster_clause(relation) }} {{ privilege }} on {{ relation }} from {% for grantee
        in grantees %}{{ adapter.quote(grantee) }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
