{{ config(materialized='table') }}
select 1 as id, 'x'::text as name, 10.5::numeric as amount, timestamp '2026-01-01' as at
