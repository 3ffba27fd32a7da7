{{ config(materialized='table') }}
select n, n % 3 as rest from generate_series(1, {{ var('rows', 10) }}) n
