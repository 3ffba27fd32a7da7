{{ config(materialized='table') }}
select 'text' as id, 1 as surplus
