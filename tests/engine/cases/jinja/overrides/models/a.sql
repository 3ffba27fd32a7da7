{{ config(alias='first_one', tags=['x']) }} select cast('abcdef' as {{ type_string() }}) as s, '{{ dbt.type_int() }}'::text as i, {{ helper.mine() }} as m, {{ dateadd('day', 1, 'now()') }}::text as d
