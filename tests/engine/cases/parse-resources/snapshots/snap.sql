{% snapshot orders_snapshot %}
{{ config(unique_key='id', strategy='timestamp', updated_at='updated_at', target_schema='old_snaps') }}
select * from {{ source('raw', 'orders') }}
{% endsnapshot %}

{% snapshot second_snapshot %}
{{ config(unique_key='id', strategy='check', check_cols=['a', 'b'], dbt_valid_to_current="'9999-12-31'::date") }}
select * from {{ ref('stg_orders') }}
{% endsnapshot %}
