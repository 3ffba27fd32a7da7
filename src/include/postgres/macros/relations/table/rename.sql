{#- Renames a table within its schema. -#}
{% macro postgres__get_rename_table_sql(relation, new_name) -%}
alter table {{ relation }} rename to {{ adapter.quote_as_configured(new_name, 'identifier') }} {%- endmacro %}
