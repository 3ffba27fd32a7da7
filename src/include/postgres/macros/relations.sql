{#- Which view reads which relation, one level deep; without system relations. A view is a rule (pg_rewrite): the rule
    depends internally on its view and normally on each column that it reads. -#}
{% macro postgres__get_relations() %}
  {%- call statement('relations', fetch_result=True) %}
    select distinct
        reader_schema.nspname as dependent_schema,
        reader.relname as dependent_name,
        source_schema.nspname as referenced_schema,
        source.relname as referenced_name
    from pg_depend as owns
    join pg_depend as reads
        on reads.classid = owns.classid
        and reads.objid = owns.objid
        and reads.refclassid = 'pg_class'::regclass
        and reads.refobjid != owns.refobjid
    join pg_class as reader on reader.oid = owns.refobjid
    join pg_namespace as reader_schema on reader_schema.oid = reader.relnamespace
    join pg_class as source on source.oid = reads.refobjid
    join pg_namespace as source_schema on source_schema.oid = source.relnamespace
    where owns.classid = 'pg_rewrite'::regclass
        and owns.refclassid = 'pg_class'::regclass
        and owns.deptype = 'i'
        and source_schema.nspname != 'information_schema'
        and source_schema.nspname not like 'pg\_%'
    order by dependent_schema, dependent_name, referenced_schema, referenced_name
  {% endcall -%}
  {{- return(load_result('relations').table) -}}
{% endmacro %}

{% macro postgres_get_relations() %}{{ return(postgres__get_relations()) }}{% endmacro %}
