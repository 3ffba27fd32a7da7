{{ config(alias='Odd alias ✓', materialized='table') }}
select 1 as id
