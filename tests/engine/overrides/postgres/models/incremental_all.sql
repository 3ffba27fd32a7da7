{{ config(materialized='incremental', unique_key=['id', 'name'], incremental_strategy='delete+insert', incremental_predicates=['true'], pre_hook="select 'pre'", post_hook="select 'post'", indexes=[{'columns': ['id']}],
  grants={'select': ['pg_read_all_stats' if var('more') else 'pg_monitor']}, persist_docs={'relation': true, 'columns': true}, on_schema_change='fail') }}
select id, name::varchar({{ 40 if is_incremental() else 20 }}) as name from {{ ref('people') }}
