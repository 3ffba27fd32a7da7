{{ config(materialized='materialized_view', on_configuration_change='continue', indexes=[{'columns': ['name' if var('more') else 'id']}]) }}
select id, name from {{ ref('people') }}
