{{ config(materialized='view') }}
select id from {{ ref('fail_it') }}
