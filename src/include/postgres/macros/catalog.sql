{#- The catalogue for the documentation: one row per column of each requested relation. -#}
{% macro postgres__get_catalog_relations(information_schema, relations) %}
  {%- set database = information_schema.database -%}
  {%- do adapter.verify_database(database) -%}
  {%- set kinds = {'r': 'BASE TABLE', 'p': 'BASE TABLE', 'f': 'BASE TABLE', 'v': 'VIEW', 'm': 'MATERIALIZED VIEW'} -%}
  {%- call statement('catalog', fetch_result=True) %}
    select
        {{ adapter.quote_text(database) }} as table_database,
        schema.nspname as table_schema,
        relation.relname as table_name,
        case relation.relkind
            {%- for letter, kind in kinds.items() %}
            when '{{ letter }}' then '{{ kind }}'
            {%- endfor %}
        end as table_type,
        relation_comment.description as table_comment,
        attribute.attname as column_name,
        attribute.attnum as column_index,
        pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) as column_type,
        column_comment.description as column_comment,
        pg_get_userbyid(relation.relowner) as table_owner
    from pg_catalog.pg_namespace as schema
    join pg_catalog.pg_class as relation on relation.relnamespace = schema.oid
    join pg_catalog.pg_attribute as attribute on attribute.attrelid = relation.oid
    left join pg_catalog.pg_description as relation_comment
        on relation_comment.objoid = relation.oid
        and relation_comment.classoid = 'pg_class'::regclass
        and relation_comment.objsubid = 0
    left join pg_catalog.pg_description as column_comment
        on column_comment.objoid = relation.oid
        and column_comment.classoid = 'pg_class'::regclass
        and column_comment.objsubid = attribute.attnum
    where (
        {%- for wanted in relations %}
        (upper(schema.nspname) = upper({{ adapter.quote_text(wanted.schema) }})
            {{- " and upper(relation.relname) = upper(" ~ adapter.quote_text(wanted.identifier) ~ ")"
                if wanted.identifier }}){{ ' or' if not loop.last }}
        {%- endfor %}
    )
    and not pg_is_other_temp_schema(schema.oid)
    and relation.relpersistence in ('p', 'u') -- permanent and unlogged, not temporary
    and relation.relkind in ({% for letter in kinds %}'{{ letter }}'{{ ', ' if not loop.last }}{% endfor %})
    and attribute.attnum > 0 -- below are system columns
    and not attribute.attisdropped
    order by schema.nspname, relation.relname, attribute.attnum
  {% endcall -%}
  {{- return(load_result('catalog').table) -}}
{% endmacro %}

{#- All relations of some schemas. -#}
{% macro postgres__get_catalog(information_schema, schemas) %}
  {%- set relations = [] -%}
  {%- for schema in schemas -%}
    {%- do relations.append({'schema': schema}) -%}
  {%- endfor -%}
  {{- return(postgres__get_catalog_relations(information_schema, relations)) -}}
{% endmacro %}
