{{ config(tags=['first']) }}
{{ config(materialized='table', tags=['second'], meta={'twice': true}) }}
select 1 as id, '{{ config.require("materialized") }}' as m
