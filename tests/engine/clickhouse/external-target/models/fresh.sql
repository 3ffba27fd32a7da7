{{ config(materialized='materialized_view', catchup=false) }}
{{ materialization_target_table(ref('target_table')) }}
select id, 'b' as origin from {{ ref('stream') }}
