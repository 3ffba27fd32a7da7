{{ config(unique_key=['id', 'part'], incremental_strategy='merge', merge_update_columns=['v'], incremental_predicates=["DBT_INTERNAL_DEST.at < '2027-01-01'"]) }}
select * from {{ ref('input') }}
