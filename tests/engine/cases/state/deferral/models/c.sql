{{ config(materialized='incremental', unique_key='id') }} select * from {{ ref('b') }} {% if is_incremental() %}where id > 100{% endif %}
