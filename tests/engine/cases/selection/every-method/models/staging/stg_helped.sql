{{ config(materialized='ephemeral', access='private', group='finance') }}
select * from {{ ref('helper', 'helped') }}
