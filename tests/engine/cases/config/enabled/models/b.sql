{{ config(enabled=var('b', false)) }} select * from {{ ref('a') }}
