{{ config(materialized='table', tags='one') }}{{ config(tags=['two'], schema='other') }}
select 1 as id
