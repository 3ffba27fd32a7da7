{{ config(materialized='table', engine='Memory', alias='elsewhere', schema='extra') }}
select id from {{ ref('source_rows') }}
