{{ config(materialized='table', unlogged=true, indexes=[{'columns': ['id'], 'unique': true, 'type': 'btree'}]) }}
select 1 as id
