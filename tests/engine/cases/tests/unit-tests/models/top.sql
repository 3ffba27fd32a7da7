{{ config(materialized='incremental', unique_key='id') }}
select id, name, price, '{{ stamp() }}' as stamped, '{{ env_var("CASE_ENV", "none") }}' as env
from {{ ref('mid') }}
{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}
