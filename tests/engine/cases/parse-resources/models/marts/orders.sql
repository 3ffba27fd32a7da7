{{ config(
    materialized = 'incremental',
    unique_key = ['id', 'day'],
    on_schema_change = 'append_new_columns',
    post_hook = ["analyze {{ this }}", {'sql': "select {{ my_macro(1) }}", 'transaction': false}],
    grants = {'+select': ['other']},
    custom_key = env_var('RESOURCES_CUSTOM', 'fallback'),
    tags = ['b', 'a'] + ['c']
) }}
select *, {{ my_macro(2) }} as x, '{{ var("scoped") }}' as v
from {{ ref('stg_orders') }} o
join {{ ref('resources', 'stg_customers') }} using (customer_id)
{% if is_incremental() %}
where id > (select max(id) from {{ this }})
{% endif %}
