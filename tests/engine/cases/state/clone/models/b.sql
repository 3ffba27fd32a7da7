{{ config(materialized='table', post_hook='select 1') }} select * from {{ ref('a') }}
