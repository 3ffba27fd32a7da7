{% set rel = adapter.get_relation(database=target.database, schema=target.schema, identifier='plain') %}
select '{{ rel }}' as r
