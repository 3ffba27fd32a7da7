{{ config(materialized=('table' if var('more') else 'view')) }} select id, name from {{ ref('people') }}
