{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id', on_schema_change='append_new_columns') }}
select id, name, updated_at{{ ', 1 as extra' if var('more') else ", 'x' as old" }} from {{ ref('people') }}
{% if is_incremental() %} where id > (select max(id) - 1 from {{ this }}) {% endif %}
