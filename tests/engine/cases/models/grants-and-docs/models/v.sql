{{ config(materialized='view') }}
select * from {{ ref('t') }}
