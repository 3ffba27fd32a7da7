{{ config(materialized='ephemeral') }}
select id, upper(name) as name, at, price * {{ var('rate') }} as price from {{ ref('base') }}
