{{ config(unique_key='id', incremental_strategy='delete+insert') }}
select * from {{ ref('input') }}
{% if is_incremental() %}where at >= (select max(at) from {{ this }}){% endif %}
