{#- What the two databases write differently, each as one macro that is dispatched on the target's adapter; the models
    are the same for both. -#}

{#- The value of `value` in the row that comes first by `order_by` (a list of expressions), or last. -#}
{% macro first_value_of(value, order_by) -%}{{ return(adapter.dispatch('first_value_of')(value, order_by)) }}
{%- endmacro %}
{% macro default__first_value_of(value, order_by) -%}
    (array_agg({{ value }} order by {{ order_by | join(', ') }}))[1]
{%- endmacro %}
{% macro clickhouse__first_value_of(value, order_by) -%}
    argMin(tuple({{ value }}), tuple({{ order_by | join(', ') }})).1
{%- endmacro %}

{% macro last_value_of(value, order_by) -%}{{ return(adapter.dispatch('last_value_of')(value, order_by)) }}
{%- endmacro %}
{% macro default__last_value_of(value, order_by) -%}
    (array_agg({{ value }} order by {{ order_by | join(' desc, ') }} desc))[1]
{%- endmacro %}
{% macro clickhouse__last_value_of(value, order_by) -%}
    argMax(tuple({{ value }}), tuple({{ order_by | join(', ') }})).1
{%- endmacro %}

{#- Whether the condition holds for any row. -#}
{% macro any_row(condition) -%}{{ return(adapter.dispatch('any_row')(condition)) }}{%- endmacro %}
{% macro default__any_row(condition) -%}bool_or({{ condition }}){%- endmacro %}
{% macro clickhouse__any_row(condition) -%}max({{ condition }})::Bool{%- endmacro %}

{#- Seconds from one moment to another, with three digits after the point. -#}
{% macro seconds_between(earlier, later) -%}{{ return(adapter.dispatch('seconds_between')(earlier, later)) }}
{%- endmacro %}
{% macro default__seconds_between(earlier, later) -%}extract(epoch from ({{ later }} - {{ earlier }}))::numeric(12, 3)
{%- endmacro %}
{% macro clickhouse__seconds_between(earlier, later) -%}
(dateDiff('millisecond', {{ earlier }}, {{ later }})::Decimal(15, 3) / 1000)::Decimal(12, 3){%- endmacro %}

{#- A moment in UTC, with milliseconds. -#}
{% macro moment(value) -%}{{ return(adapter.dispatch('moment')(value)) }}{%- endmacro %}
{% macro default__moment(value) -%}{{ value }}::timestamp{%- endmacro %}
{% macro clickhouse__moment(value) -%}{{ value }}::DateTime64(3, 'UTC'){%- endmacro %}

{#- The moment a number of units before another. -#}
{% macro before(moment, count, unit) -%}{{ return(adapter.dispatch('before')(moment, count, unit)) }}{%- endmacro %}
{% macro default__before(moment, count, unit) -%}{{ moment }} - interval '{{ count }} {{ unit }}s'{%- endmacro %}
{% macro clickhouse__before(moment, count, unit) -%}{{ moment }} - interval {{ count }} {{ unit }}{%- endmacro %}

{#- The column's value in the row before, null in the first. -#}
{% macro previous(column, partition_by, order_by) -%}{{ return(adapter.dispatch('previous')(column, partition_by,
    order_by)) }}{%- endmacro %}
{% macro default__previous(column, partition_by, order_by) -%}
    lag({{ column }}) over (partition by {{ partition_by }} order by {{ order_by }})
{%- endmacro %}
{% macro clickhouse__previous(column, partition_by, order_by) -%}
    lagInFrame(toNullable({{ column }})) over (partition by {{ partition_by }} order by {{
        order_by }} rows between unbounded preceding and unbounded following)
{%- endmacro %}

{#- A column that the query has proved not to be null: ClickHouse keeps that in the type. -#}
{% macro not_null_value(value) -%}{{ return(adapter.dispatch('not_null_value')(value)) }}{%- endmacro %}
{% macro default__not_null_value(value) -%}{{ value }}{%- endmacro %}
{% macro clickhouse__not_null_value(value) -%}assumeNotNull({{ value }}){%- endmacro %}
