{{ config(materialized=('view' if var('more') else 'table'), order_by='id') }} select id, name from {{ ref('people') }}
