{{ config(materialized=var('b', 'table')) }}
select id from {{ ref('m') }}
