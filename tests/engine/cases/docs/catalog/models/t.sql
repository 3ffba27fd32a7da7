{{ config(materialized='table') }}
select 1 as id, 'x'::varchar(3) as "Upper", array[1] as list, '{}'::jsonb as doc
