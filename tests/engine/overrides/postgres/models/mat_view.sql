{{ config(materialized='materialized_view', indexes=[{'columns': ['name' if var('more') else 'id']}], grants={'select': ['pg_read_all_stats' if var('more') else 'pg_monitor']}) }}
select id, name from {{ ref('people') }}
