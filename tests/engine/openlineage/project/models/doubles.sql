{{ config(materialized='table', schema='marts') }}
select * from {{ ref('doubled') }}
