{{ config(materialized='table') }}
select null::int as id
