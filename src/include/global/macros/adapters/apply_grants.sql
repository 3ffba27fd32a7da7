{#- Grants: configured ones are granted, existing ones that are not configured are revoked. -#}

{#- Whether a replaced relation keeps the grants of the old one. By default true, so that existing grants are queried.
    -#}
{% macro copy_grants() %}{{ return(adapter.dispatch('copy_grants', 'dbt')()) }}{% endmacro %}

{% macro default__copy_grants() %}{{ return(True) }}{% endmacro %}

{#- Whether one statement may name several grantees. -#}
{% macro support_multiple_grantees_per_dcl_statement() %}
{{- return(adapter.dispatch('support_multiple_grantees_per_dcl_statement', 'dbt')()) -}}
{% endmacro %}

{% macro default__support_multiple_grantees_per_dcl_statement() %}{{ return(True) }}{% endmacro %}

{#- Whether earlier grants may exist: not on a new relation; on a replaced one if the dialect copies them; on a kept one
    always. -#}
{% macro should_revoke(existing_relation, full_refresh_mode=True) %}
    {%- if not existing_relation -%}
        {{ return(False) }}
    {%- endif -%}
    {{- return(copy_grants() if full_refresh_mode else True) -}}
{% endmacro %}

{% macro get_show_grant_sql(relation) %}{{
  return(adapter.dispatch('get_show_grant_sql', 'dbt')(relation))
}}{% endmacro %}

{% macro default__get_show_grant_sql(relation) %}show grants on {{ relation.render() }}{% endmacro %}

{% macro get_grant_sql(relation, privilege, grantees) %}
{{- return(adapter.dispatch('get_grant_sql', 'dbt')(relation, privilege, grantees)) -}}
{% endmacro %}

{% macro default__get_grant_sql(relation, privilege, grantees) -%}
    grant {{ privilege }} on {{ relation.render() }} to {% for grantee
        in grantees %}{{ adapter.quote_written(grantee) }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro get_revoke_sql(relation, privilege, grantees) %}
{{- return(adapter.dispatch('get_revoke_sql', 'dbt')(relation, privilege, grantees)) -}}
{% endmacro %}

{#- Names of grantees come from the database here, so all of them are quoted. -#}
{% macro default__get_revoke_sql(relation, privilege, grantees) -%}
    revoke {{ privilege }} on {{ relation.render() }} from {% for grantee
        in grantees %}{{ adapter.quote(grantee) }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#- The statements for a dict privilege -> grantees; get_dcl_macro is get_grant_sql or get_revoke_sql. -#}
{% macro get_dcl_statement_list(relation, grant_config, get_dcl_macro) %}
{{- return(adapter.dispatch('get_dcl_statement_list', 'dbt')(relation, grant_config, get_dcl_macro)) -}}
{% endmacro %}

{% macro default__get_dcl_statement_list(relation, grant_config, get_dcl_macro) %}
    {%- set together = support_multiple_grantees_per_dcl_statement() -%}
    {%- set statements = [] -%}
    {%- for privilege, grantees in grant_config.items() if grantees -%}
        {%- for group in ([grantees] if together else grantees | batch(1)) -%}
            {%- do statements.append(get_dcl_macro(relation, privilege, group)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(statements) -}}
{% endmacro %}

{% macro call_dcl_statements(dcl_statement_list) %}
{{- return(adapter.dispatch('call_dcl_statements', 'dbt')(dcl_statement_list)) -}}
{% endmacro %}

{#- All in one round trip; a dialect that cannot do this overrides it. -#}
{% macro default__call_dcl_statements(dcl_statement_list) %}
    {%- call statement('grants') %}
        {%- for dcl_statement in dcl_statement_list %}
        {{ dcl_statement }};
        {%- endfor %}
    {% endcall -%}
{% endmacro %}

{% macro apply_grants(relation, grant_config, should_revoke) %}
{{- return(adapter.dispatch('apply_grants', 'dbt')(relation, grant_config, should_revoke)) -}}
{% endmacro %}

{#- Without configured grants nothing is changed, or even queried. -#}
{% macro default__apply_grants(relation, grant_config, should_revoke=True) %}
    {%- if grant_config -%}
        {%- set to_grant, to_revoke = grant_config, {} -%}
        {%- if should_revoke -%}
            {%- set present = adapter.standardize_grants_dict(run_query(get_show_grant_sql(relation))) -%}
            {%- set to_grant, to_revoke = diff_of_two_dicts(grant_config, present), diff_of_two_dicts(present,
                grant_config) -%}
        {%- endif -%}
        {%- if not to_grant and not to_revoke -%}
            {%- do log('On ' ~ relation.render() ~ ': All grants are in place, no revocation or granting needed.') -%}
        {%- else -%}
            {%- set statements = get_dcl_statement_list(relation, to_revoke, get_revoke_sql)
                               + get_dcl_statement_list(relation, to_grant, get_grant_sql) -%}
            {%- if statements -%}
                {{ call_dcl_statements(statements) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
