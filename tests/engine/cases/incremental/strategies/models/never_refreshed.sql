{{ config(full_refresh=false, unique_key='id') }}
select id, max(v) as v from {{ ref('input') }} group by id
{%- if is_incremental() %} having id > 2{% endif %}
