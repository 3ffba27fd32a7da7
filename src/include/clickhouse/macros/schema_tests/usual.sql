{#- ClickHouse's SQL for the test `usual`. Its history is a table of a database `tsdbt`, whose rows expire by TTL. -#}
{% macro clickhouse__usual_text_type() %}{{ return('String') }}{% endmacro %}

{#- Null if there is no number: an average of no rows is NaN. -#}
{% macro clickhouse__usual_double(expression) %}
  {{- return('ifNotFinite(cast(' ~ expression ~ ' as Nullable(Float64)), null)') -}}
{% endmacro %}

{% macro clickhouse__usual_text(expression) %}{{ return('toString(round(' ~ expression ~ ', 4))') }}{% endmacro %}

{% macro clickhouse__usual_moment(expression) %}{{ return('toDateTime(' ~ expression ~ ')') }}{% endmacro %}

{% macro clickhouse__usual_age(column) %}
  {{- return("if(count() = 0, null, dateDiff('second', max(" ~ column ~ '), now()))') -}}
{% endmacro %}

{% macro clickhouse__usual_clock() %}{{ return('now64(3)') }}{% endmacro %}

{% macro clickhouse__usual_last_values(value, rank) %}
  {{- return("arrayStringConcat(arrayMap(x -> x.2, arraySort(groupArrayIf((" ~ rank ~ ', assumeNotNull('
      ~ usual_text(value) ~ ')), ' ~ rank ~ ' <= 5 and ' ~ value ~ " is not null))), ', ')") -}}
{% endmacro %}

{% macro clickhouse__usual_has_values() %}
  {{- return(run_query('exists table tsdbt.test_values').rows[0][0] == 1) -}}
{% endmacro %}

{% macro clickhouse__usual_make_values() %}
  {%- do run_query('create database if not exists tsdbt') -%}
  {%- call statement('usual_table') -%}
    create table if not exists tsdbt.test_values (
        target_schema String,
        test_id String,
        grp String,
        value Nullable(Float64),
        reason String,
        invocation_id String,
        measured_at DateTime64(3, 'UTC')
    )
    engine = MergeTree
    order by (target_schema, test_id, measured_at)
    ttl toDateTime(measured_at) + interval 400 day
  {%- endcall -%}
{% endmacro %}

{#- The table's TTL does it. -#}
{% macro clickhouse__usual_forget() %}{% endmacro %}
