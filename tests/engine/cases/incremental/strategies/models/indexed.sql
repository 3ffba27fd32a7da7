{{ config(unique_key='id', indexes=[{'columns': ['id'], 'type': 'btree'}, {'columns': ['id', 'part'], 'unique': true}], unlogged=true) }}
select * from {{ ref('input') }}
