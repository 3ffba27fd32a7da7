{{ config(unique_key='id', incremental_strategy='merge', merge_exclude_columns=['at', 'part']) }}
select distinct on (id) * from {{ ref('input') }} order by id, part
