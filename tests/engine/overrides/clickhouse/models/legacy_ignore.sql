{{ config(materialized='incremental', incremental_strategy='legacy', order_by='id', unique_key='id', on_schema_change='ignore') }}
select id, name, at {{ ', 1 as extra' if var('more') and 'ignore' != 'ignore' }} from {{ ref('people') }}
{% if is_incremental() %} where id > (select max(id) - 1 from {{ this }}) {% endif %}
