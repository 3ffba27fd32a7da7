{{ config(materialized='incremental', incremental_strategy='only_new') }}
select id, '{{ is_incremental() }}' as inc from {{ ref('logged') }} union all select 2, '{{ is_incremental() }}'
