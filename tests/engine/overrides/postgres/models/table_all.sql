{{ config(materialized='table', pre_hook=["select 'pre'", before_begin("select 'outside'")], post_hook=[in_transaction("select 'post'"), after_commit("select 'after'")], unlogged=true, indexes=[{'columns': ['id'], 'unique': true}],
  grants={'select': ['pg_read_all_stats' if var('more') else 'pg_monitor']}, persist_docs={'relation': true, 'columns': true}) }}
select id, name from {{ ref('people') }}
