{{ config(materialized=['table', 'view', 'incremental', 'materialized_view', 'view', 'table'][var('step') - 1], unique_key='id' if var('step') == 3 else none) }}
select id, k from {{ ref('source_rows') }} where id < 5
