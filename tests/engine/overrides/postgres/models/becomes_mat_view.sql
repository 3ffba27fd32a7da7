{{ config(materialized=('materialized_view' if var('more') else 'table')) }} select id, name from {{ ref('people') }}
