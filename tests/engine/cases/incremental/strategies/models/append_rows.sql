{{ config(incremental_strategy='append') }}
select * from {{ ref('input') }}
{% if is_incremental() %}where at > (select max(at) from {{ this }}){% endif %}
