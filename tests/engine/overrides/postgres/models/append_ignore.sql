{{ config(materialized='incremental', incremental_strategy='append',  on_schema_change='ignore') }}
select id, name, updated_at{{ ', 1 as extra' if var('more') }}, 'x' as old from {{ ref('people') }}
{% if is_incremental() %} where id > (select max(id) - 1 from {{ this }}) {% endif %}
