{{ config(materialized='incremental', incremental_strategy='append', order_by='id',  on_schema_change='append_new_columns') }}
select id, name, at {{ ', 1 as extra' if var('more') and 'append_new_columns' != 'ignore' }} from {{ ref('people') }}
{% if is_incremental() %} where id > (select max(id) - 1 from {{ this }}) {% endif %}
