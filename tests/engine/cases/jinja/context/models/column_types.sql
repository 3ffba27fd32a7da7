{%- set made -%}
drop table if exists {{ target.schema }}.typed; drop materialized view if exists {{ target.schema }}.kept; drop domain if exists {{ target.schema }}.cents, {{ target.schema }}.words, {{ target.schema }}.code; drop type if exists {{ target.schema }}.mood;
create type {{ target.schema }}.mood as enum ('good', 'bad');
create domain {{ target.schema }}.cents as numeric(12, 2);
create domain {{ target.schema }}.words as text[];
create domain {{ target.schema }}.code as varchar(7);
create table {{ target.schema }}.typed (id bigint generated always as identity, gone int, small smallint, real4 real, real8 double precision, plain numeric, exact numeric(10, 3), whole numeric(5),
  word text, short varchar(20), fixed char(3), endless varchar, bits bit varying(9), one_bit bit(4), flag boolean, day date, moment timestamp(3), zoned timestamptz, span interval day to second,
  clock timetz, doc jsonb, list int[], words_list varchar(5)[], mood {{ target.schema }}.mood, moods {{ target.schema }}.mood[], cents {{ target.schema }}.cents, words {{ target.schema }}.words,
  code {{ target.schema }}.code, numbers int4range, place point, "Quoted Name" uuid, raw bytea, label name, kind "char", row_type pg_catalog.pg_class);
alter table {{ target.schema }}.typed drop column gone;
create materialized view {{ target.schema }}.kept as select 1 as id
{%- endset -%}
{%- if execute -%}
  {%- do run_query(made) -%}
  {%- do run_query('create temporary table for_a_while (id int, short varchar(4))') -%}
{%- endif -%}
{%- for relation in [api.Relation.create(database=target.database, schema=target.schema, identifier='typed'), api.Relation.create(database=target.database, schema=target.schema, identifier='kept'),
    api.Relation.create(identifier='for_a_while'), api.Relation.create(schema='nowhere', identifier='typed')] %}
  {%- for column in adapter.get_columns_in_relation(relation) %}
select '{{ relation.identifier }}' as relation, '{{ column.name }}' as name, '{{ column.dtype }}' as dtype, '{{ column.data_type }}' as data_type, '{{ column.char_size }}' as size, '{{ column.numeric_precision }}' as digits, '{{ column.numeric_scale }}' as scale
union all
  {%- endfor %}
{%- endfor %}
select '', '', '', '', '', '', ''
