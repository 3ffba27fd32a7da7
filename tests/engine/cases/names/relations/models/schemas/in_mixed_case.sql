{{ config(materialized='table') }}
select '{{ this }}' as this
