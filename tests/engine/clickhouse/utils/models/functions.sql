{{ config(materialized='table') }}
select {{ dbt.dateadd('day', 1, 'at') }} as d1, {{ dbt.datediff('at', "toDateTime('2026-02-01 00:00:00')", 'day') }} as d2, {{ dbt.date_trunc('month', 'at') }} as d3, {{ dbt.last_day('at', 'month') }} as d4,
 {{ dbt.split_part("'a|b|c'", "'|'", 2) }} as s, {{ dbt.replace('name', 'a', 'b') }} as r, {{ dbt.hash('id') }} as h, {{ dbt.cast_bool_to_text('flag') }} as cb, {{ dbt.safe_cast('id', 'String') }} as sc,
 {{ dbt.concat(["name", "'x'"]) }} as c, {{ dbt.length('name') }} as l, {{ dbt.position("'b'", 'name') }} as po, {{ dbt.right('name', 2) }} as ri, {{ dbt.string_literal('x') }} as sl,
 {{ dbt.array_construct([1,2]) }} as ac, {{ dbt.array_append(dbt.array_construct([1,2]), 3) }} as aa, {{ dbt.array_concat('[1]', '[2]') }} as ak,
 cast(id as {{ dbt.type_string() }}) as ts, cast(id as {{ dbt.type_int() }}) as ti, cast(id as {{ dbt.type_float() }}) as tf, cast(id as {{ dbt.type_bigint() }}) as tb, cast(id as {{ dbt.type_numeric() }}) as tn, cast(at as {{ dbt.type_timestamp() }}) as tt, cast(flag as {{ dbt.type_boolean() }}) as tbo
from {{ ref('base') }}
