{{ config(materialized='materialized_view', catchup=true) }}
{{ materialization_target_table(ref('target_table')) }}
select id, 'a' as origin from {{ ref('stream') }}
