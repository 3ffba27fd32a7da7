{#- NULL as a key: with `meta: {tsdbt: {null_safe_keys: true}}`, NULL in a key equals NULL, and does not match nothing
    as in dbt. -#}

{#- Whether the new rows have a NULL in the key, and the model sets null_safe_keys. -#}
{% macro has_null_keys(source, unique_key) %}
    {%- if not unique_key or not (config.get('meta') or {}).get('tsdbt', {}).get('null_safe_keys') -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- set found = run_query('select exists(select 1 from ' ~ source ~ ' where ' ~ keys | join(' is null or ')
        ~ ' is null)') -%}
    {{- return(found.rows[0][0]) -}}
{% endmacro %}

{#- The key as one value. Unlike rows, which are compared column by column, records with NULL in the same columns are
    equal, and can be hashed and sorted. -#}
{% macro key_record(unique_key, prefix='') %}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {{- return('row(' ~ prefix ~ keys | join(', ' ~ prefix) ~ ')::record') -}}
{% endmacro %}
