{#- The query of the test `usual`: one row per group whose value is unusual, with the reason. The history is computed
    from the model itself if a column has the time of its rows, otherwise read from tsdbt.test_values, to which each run
    of the test adds one row per group. -#}
{% macro default__test_usual(model, column_name, value, time_column, period, group_by, window, min_history, sigma, drop,
    rise, against, above, below) %}
  {%- set spec = usual_spec(column_name, value, time_column, period, group_by, window, min_history, sigma, drop, rise,
      against, above, below) -%}
  {%- if time_column is not none -%}
    {{- usual_of_periods(model, spec) -}}
  {%- else -%}
    {#- Compilation alone, and a run without rows, must not store a value. -#}
    {%- set records = execute and flags.WHICH in ['build', 'test'] and not flags.EMPTY -%}
    {{- usual_recorded(model, spec) if records else usual_of_runs(model, spec) -}}
  {%- endif -%}
{% endmacro %}

{#- The arguments, checked, as a dictionary. -#}
{% macro usual_spec(column_name, value, time_column, period, group_by, window, min_history, sigma, drop, rise, against,
    above, below) %}
  {%- set periods = ['minute', 'hour', 'day', 'week', 'month'] -%}
  {%- if value is not string or value | trim == '' -%}
    {%- do usual_refuse('value', "must be row_count, null_rate, freshness or an aggregate such as avg(seconds)",
        value) -%}
  {%- endif -%}
  {%- if value in ['null_rate', 'freshness'] and column_name is none -%}
    {%- do usual_refuse('value', "needs a column: put the test below one, or give column_name", value) -%}
  {%- endif -%}
  {%- if value == 'freshness' and time_column is not none -%}
    {%- do usual_refuse('time_column', "is of no use: freshness is measured now, and compared with earlier runs",
        time_column) -%}
  {%- endif -%}
  {%- if period not in periods -%}
    {%- do usual_refuse('period', "must be one of " ~ periods | join(', '), period) -%}
  {%- endif -%}
  {%- for name, number, least in [('window', window, 1), ('min_history', min_history, 1)] -%}
    {%- if number is not number or number is boolean or number < least or number != number | int or number > 1000 -%}
      {%- do usual_refuse(name, "must be a whole number from " ~ least ~ " to 1000", number) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if min_history > window -%}
    {%- do usual_refuse('min_history', "must not be more than the window of " ~ window, min_history) -%}
  {%- endif -%}
  {%- if not (against in ['previous', 'mean'] or (against is number and against is not boolean and against >= 1
      and against <= window and against == against | int)) -%}
    {%- do usual_refuse('against', "must be previous, mean, or how many values ago, up to the window of " ~ window,
        against) -%}
  {%- endif -%}
  {%- set limits = {} -%}
  {%- for name, given in [('sigma', sigma), ('drop', drop), ('rise', rise), ('above', above), ('below', below)] -%}
    {%- if given is not none -%}{%- do limits.update({name: usual_number_of(name, given)}) -%}{%- endif -%}
  {%- endfor -%}
  {%- if not limits -%}{%- do limits.update({'sigma': 3}) -%}{%- endif -%}
  {%- for name in ['sigma', 'drop', 'rise'] if name in limits and limits[name] <= 0 -%}
    {%- do usual_refuse(name, "must be more than 0", limits[name]) -%}
  {%- endfor -%}
  {%- if limits.get('drop', 0) > 1 -%}{%- do usual_refuse('drop', "must be at most 100%", drop) -%}{%- endif -%}
  {%- if value == 'row_count' -%}
    {%- set sql, shown = 'count(*)', 'row_count' -%}
  {%- elif value == 'null_rate' -%}
    {%- set sql = 'avg(case when ' ~ column_name ~ ' is null then 1.0 else 0.0 end)' -%}
    {%- set shown = 'null_rate of ' ~ column_name -%}
  {%- elif value == 'freshness' -%}
    {%- set sql, shown = usual_age(column_name), 'freshness of ' ~ column_name -%}
  {%- else -%}
    {%- set sql, shown = value, (value | trim)[:80] -%}
  {%- endif -%}
  {%- set groups = [group_by] if group_by is string else (group_by or []) -%}
  {%- set texts = [] -%}
  {%- for group in groups -%}
    {%- do texts.append("coalesce(cast(" ~ group ~ " as " ~ usual_text_type() ~ "), '(null)')") -%}
  {%- endfor -%}
  {{- return({
      'sql': usual_double(sql), 'shown': shown, 'time_column': time_column, 'period': period, 'window': window,
      'min_history': min_history, 'against': against, 'limits': limits, 'groups': texts | join(" || ', ' || "),
      'counts': (sql | trim | lower).startswith('count(')}) -}}
{% endmacro %}

{#- A number, or a share such as 20%. -#}
{% macro usual_number_of(name, given) %}
  {%- if given is number and given is not boolean -%}{{- return(given) -}}{%- endif -%}
  {%- set found = modules.re.match('^\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*$', given) if given is string else none -%}
  {%- if found is none -%}{%- do usual_refuse(name, "must be a number or a share such as 20%", given) -%}{%- endif -%}
  {{- return(found.group(1) | float / (100 if found.group(2) else 1)) -}}
{% endmacro %}

{% macro usual_refuse(name, words, given) %}
  {%- do exceptions.raise_compiler_error("The argument '" ~ name ~ "' of the test usual " ~ words ~ "; found "
      ~ tojson(given)) -%}
{% endmacro %}

{#- The history is the model's own: the last whole period compared with those before it. A group counts from its first
    period on, and a period without rows counts 0 rows. -#}
{% macro usual_of_periods(model, spec) %}
{%- set present = dbt.date_trunc(spec.period, dbt.current_timestamp()) -%}
{%- set moment = usual_moment(dbt.date_trunc(spec.period, spec.time_column)) -%}
with usual_ages as (
    {% for age in range(1, spec.window + 2) -%}
    select {{ age }} as usual_age{{ ' union all' if not loop.last }}
    {% endfor -%}
),
usual_periods as (
    select usual_age, {{ usual_moment(dbt.dateadd(spec.period, '-usual_age', present)) }} as usual_starts
    from usual_ages
),
usual_buckets as (
    select {{ spec.groups or "cast('' as " ~ usual_text_type() ~ ")" }} as usual_grp, {{ moment }} as usual_starts,
        {{ spec.sql }} as usual_value
    from {{ model }}
    where {{ spec.time_column }} >= {{ dbt.dateadd(spec.period, 0 - spec.window - 1, present) }}
        and {{ spec.time_column }} < {{ present }}
    group by 1, 2
),
usual_groups as (
    select usual_grp as usual_known, min(usual_starts) as usual_first
    from usual_buckets
    group by usual_grp
),
usual_spine as (
    select usual_known, usual_age, usual_starts as usual_begin
    from usual_groups
    cross join usual_periods
    where usual_starts >= usual_first
),
usual_series as (
    select usual_known, usual_age,
        {{ 'coalesce(usual_value, 0)' if spec.counts else 'usual_value' }} as usual_value
    from usual_spine
    left join usual_buckets on usual_grp = usual_known and usual_starts = usual_begin
),
usual_now as (
    select usual_known as usual_grp, usual_value as usual_current
    from usual_series
    where usual_age = 1
),
usual_past as (
    select usual_known as usual_past_grp, usual_age - 1 as usual_rank, usual_value as usual_past_value
    from usual_series
    where usual_age > 1
),
{{ usual_judged(spec) }}
select usual_grp as grp, usual_current as value, usual_reason as reason
from usual_judged
where usual_reason <> ''
{% endmacro %}

{#- The history is that of earlier runs. -#}
{% macro usual_of_runs(model, spec) %}
with {{ usual_ctes_of_runs(model, spec) }}
select usual_grp as grp, usual_current as value, usual_reason as reason
from usual_judged
where usual_reason <> ''{{ ' and 1 = 0' if flags.EMPTY }}
{% endmacro %}

{#- The same, measured and evaluated once: one statement adds the values with their reasons to the history, and the test
    reads those of this run. -#}
{% macro usual_recorded(model, spec) %}
  {%- if not usual_has_values() -%}{%- do usual_make_values() -%}{%- endif -%}
  {%- call statement('usual_record', auto_begin=true) -%}
insert into tsdbt.test_values (target_schema, test_id, grp, value, reason, invocation_id, measured_at)
with {{ usual_ctes_of_runs(model, spec) }}
select {{ usual_literal(target.schema) }}, {{ usual_literal(usual_test_id()) }}, usual_grp, usual_current, usual_reason,
    {{ usual_literal(invocation_id) }}, {{ usual_clock() }}
from usual_judged
where (select count(*) from tsdbt.test_values where {{ usual_of_this_test() }}
    and invocation_id = {{ usual_literal(invocation_id) }}) = 0
  {%- endcall -%}
  {%- do usual_forget() -%}
  {%- do adapter.commit() -%}
select grp, value, reason
from tsdbt.test_values
where {{ usual_of_this_test() }}
    and invocation_id = {{ usual_literal(invocation_id) }}
    and reason <> ''
{% endmacro %}

{#- Unusual values do not count as history, unless they are the majority: then they have become usual. -#}
{% macro usual_ctes_of_runs(model, spec) -%}
usual_measured as (
    select {{ spec.groups or "cast('' as " ~ usual_text_type() ~ ")" }} as usual_measured_grp,
        {{ spec.sql }} as usual_value
    from {{ model }}
    {{ 'group by 1' if spec.groups }}
),
{%- if execute and usual_has_values() %}
usual_ranked as (
    select grp as usual_row_grp, value as usual_row_value, reason as usual_row_reason, measured_at as usual_row_at,
        sum(case when reason = '' and value is not null then 1 else 0 end) over (partition by grp) as usual_count
    from tsdbt.test_values
    where {{ usual_of_this_test() }}
        and invocation_id <> {{ usual_literal(invocation_id) }}
        and measured_at in (
            select usual_at from (
                select distinct measured_at as usual_at
                from tsdbt.test_values
                where {{ usual_of_this_test() }} and invocation_id <> {{ usual_literal(invocation_id) }}
                order by usual_at desc
                limit {{ spec.window }}
            ) usual_runs
        )
),
usual_past as (
    select usual_row_grp as usual_past_grp, usual_row_value as usual_past_value,
        row_number() over (partition by usual_row_grp order by usual_row_at desc) as usual_rank
    from usual_ranked
    where usual_row_reason = '' or usual_count < {{ spec.min_history }}
),
{%- else %}
usual_past as (
    select usual_measured_grp as usual_past_grp, usual_value as usual_past_value, 1 as usual_rank
    from usual_measured
    where 1 = 0
),
{%- endif %}
usual_groups as (
    select usual_measured_grp as usual_known from usual_measured
    union distinct
    select usual_past_grp as usual_known from usual_past
),
usual_now as (
    select usual_known as usual_grp,
        {{ 'coalesce(usual_value, 0)' if spec.counts else 'usual_value' }} as usual_current
    from usual_groups
    left join usual_measured on usual_measured_grp = usual_known
),
{{ usual_judged(spec) }}
{%- endmacro %}

{#- Compares usual_now (usual_grp, usual_current) with usual_past (usual_past_grp, usual_past_value, usual_rank), whose
    rank is 1 for the newest. A spread of less than a hundredth of the mean counts as that: otherwise one row more than
    always would be unusual. -#}
{% macro usual_judged(spec) -%}
{%- set limits = spec.limits -%}
{%- set share = "usual_current / nullif(usual_compared, 0)" -%}
{%- set with = {
    'previous': 'the previous', 'mean': 'the mean of ' ~ spec.window}.get(spec.against, 'the one ' ~ spec.against
    ~ ' before') -%}
usual_base as (
    select usual_past_grp as usual_base_grp,
        count(usual_past_value) as usual_known_values,
        avg(usual_past_value) as usual_mean,
        {{ usual_double('stddev_samp(usual_past_value)') }} as usual_deviation,
        {{ 'avg(usual_past_value)' if spec.against == 'mean' else
            'max(case when usual_rank = ' ~ (1 if spec.against == 'previous' else spec.against)
            ~ ' then usual_past_value end)' }} as usual_compared,
        {{ usual_last_values('usual_past_value', 'usual_rank') }} as usual_last
    from usual_past
    group by usual_past_grp
),
usual_beside as (
    select usual_grp, usual_current, coalesce(usual_known_values, 0) as usual_count_known, usual_mean, usual_compared,
        coalesce(usual_last, '') as usual_last_values,
        {{ limits.get('sigma', 1) }} * greatest(coalesce(usual_deviation, 0), abs(usual_mean) * 0.01) as usual_width
    from usual_now
    left join usual_base on usual_base_grp = usual_grp
),
usual_words as (
    select usual_grp, usual_current, usual_last_values,
        case
            {%- if 'above' in limits %}
            when usual_current > {{ limits.above }}
                then {{ usual_is(spec) }} || ', above {{ limits.above }}'
            {%- endif %}
            {%- if 'below' in limits %}
            when usual_current < {{ limits.below }}
                then {{ usual_is(spec) }} || ', below {{ limits.below }}'
            {%- endif %}
            when usual_count_known < {{ spec.min_history }} then ''
            {%- if 'sigma' in limits or 'drop' in limits or 'rise' in limits %}
            when usual_current is null
                then {{ usual_literal(spec.shown ~ ' has no value') }}
            {%- endif %}
            {%- if 'drop' in limits %}
            when {{ share }} < {{ 1 - limits.drop }}
                then {{ usual_is(spec) }} || ', ' || {{ usual_text('100 * (1 - ' ~ share ~ ')') }}
                    || '% below {{ with }} ' || {{ usual_text('usual_compared') }}
            {%- endif %}
            {%- if 'rise' in limits %}
            when {{ share }} > {{ 1 + limits.rise }}
                then {{ usual_is(spec) }} || ', ' || {{ usual_text('100 * (' ~ share ~ ' - 1)') }}
                    || '% above {{ with }} ' || {{ usual_text('usual_compared') }}
            {%- endif %}
            {%- if 'sigma' in limits %}
            when abs(usual_current - usual_mean) > usual_width
                then {{ usual_is(spec) }} || ', usual is ' || {{ usual_text('usual_mean - usual_width') }} || ' to '
                    || {{ usual_text('usual_mean + usual_width') }}
            {%- endif %}
            else ''
        end as usual_why
    from usual_beside
),
usual_judged as (
    select usual_grp, usual_current,
        case
            when coalesce(usual_why, '') = '' then ''
            else {{ "usual_grp || ': ' || " if spec.groups }}usual_why || case
                when usual_last_values = '' then ''
                else '; last values: ' || usual_last_values
            end
        end as usual_reason
    from usual_words
)
{%- endmacro %}

{% macro usual_is(spec) -%}
{{ usual_literal(spec.shown ~ ' is ') }} || {{ usual_text('usual_current') }}
{%- endmacro %}

{% macro usual_literal(text) %}
  {{- return(dbt.string_literal(dbt.escape_single_quotes(text | string))) -}}
{% endmacro %}

{#- Targets may share a database. -#}
{% macro usual_of_this_test() -%}
target_schema = {{ usual_literal(target.schema) }} and test_id = {{ usual_literal(usual_test_id()) }}
{%- endmacro %}

{% macro usual_test_id() %}{{ return(model.unique_id) }}{% endmacro %}

{#- SQL of a dialect. Numbers are rounded for display. -#}
{% macro usual_text_type() %}{{ return(adapter.dispatch('usual_text_type', 'dbt')()) }}{% endmacro %}
{% macro default__usual_text_type() %}{{ return('text') }}{% endmacro %}

{% macro usual_double(expression) %}{{ return(adapter.dispatch('usual_double', 'dbt')(expression)) }}{% endmacro %}
{% macro default__usual_double(expression) %}
  {{- return('cast(' ~ expression ~ ' as double precision)') -}}
{% endmacro %}

{% macro usual_text(expression) %}{{ return(adapter.dispatch('usual_text', 'dbt')(expression)) }}{% endmacro %}
{% macro default__usual_text(expression) %}
  {{- return('cast(cast(round(cast(' ~ expression ~ ' as numeric), 4) as double precision) as text)') -}}
{% endmacro %}

{% macro usual_moment(expression) %}{{ return(adapter.dispatch('usual_moment', 'dbt')(expression)) }}{% endmacro %}
{% macro default__usual_moment(expression) %}{{ return('cast(' ~ expression ~ ' as timestamp)') }}{% endmacro %}

{% macro usual_age(column) %}{{ return(adapter.dispatch('usual_age', 'dbt')(column)) }}{% endmacro %}
{% macro default__usual_age(column) %}
  {{- return('extract(epoch from (now() - max(' ~ column ~ ')))') -}}
{% endmacro %}

{% macro usual_clock() %}{{ return(adapter.dispatch('usual_clock', 'dbt')()) }}{% endmacro %}
{% macro default__usual_clock() %}{{ return('now()') }}{% endmacro %}

{% macro usual_last_values(value, rank) %}
  {{- return(adapter.dispatch('usual_last_values', 'dbt')(value, rank)) -}}
{% endmacro %}
{% macro default__usual_last_values(value, rank) %}
  {{- return('string_agg(' ~ usual_text(value) ~ ", ', ' order by " ~ rank ~ ') filter (where ' ~ rank ~ ' <= 5)') -}}
{% endmacro %}

{% macro usual_has_values() %}{{ return(adapter.dispatch('usual_has_values', 'dbt')()) }}{% endmacro %}
{% macro default__usual_has_values() %}
  {{- return(run_query("select to_regclass('tsdbt.test_values') is not null").rows[0][0]) -}}
{% endmacro %}

{#- One of several threads creates the table; the others wait for it. -#}
{% macro usual_make_values() %}{{ return(adapter.dispatch('usual_make_values', 'dbt')()) }}{% endmacro %}
{% macro default__usual_make_values() %}
  {%- call statement('usual_lock', auto_begin=true) -%}
    select pg_advisory_xact_lock(hashtext('tsdbt test_values'), 0)
  {%- endcall -%}
  {%- call statement('usual_schema', auto_begin=true) -%}create schema if not exists tsdbt{%- endcall -%}
  {%- call statement('usual_table', auto_begin=true) -%}
    create table if not exists tsdbt.test_values (
        target_schema text not null,
        test_id text not null,
        grp text not null,
        value double precision,
        reason text not null,
        invocation_id text not null,
        measured_at timestamptz not null
    )
  {%- endcall -%}
  {%- call statement('usual_index', auto_begin=true) -%}
    create index if not exists test_values_of_test on tsdbt.test_values (target_schema, test_id, measured_at)
  {%- endcall -%}
  {%- do adapter.commit() -%}
{% endmacro %}

{#- Rows that are older than every window. -#}
{% macro usual_forget() %}{{ return(adapter.dispatch('usual_forget', 'dbt')()) }}{% endmacro %}
{% macro default__usual_forget() %}
  {%- call statement('usual_forget', auto_begin=true) -%}
    delete from tsdbt.test_values where {{ usual_of_this_test() }} and measured_at < now() - interval '400 days'
  {%- endcall -%}
{% endmacro %}
