{{ config(materialized=('table' if var('more') else 'view'), order_by='id') }} select id, name from {{ ref('people') }}
