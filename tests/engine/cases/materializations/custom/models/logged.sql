{{ config(materialized='logged_table', indexes=[{'columns': ['id']}], post_hook="comment on table {{ this }} is 'after'") }}
select 1 as id
