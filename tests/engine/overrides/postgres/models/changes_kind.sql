{{ config(materialized=('view' if var('more') else 'table')) }} select id, name from {{ ref('people') }}
