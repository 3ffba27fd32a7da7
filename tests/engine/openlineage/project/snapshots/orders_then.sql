{% snapshot orders_then %}
{{ config(target_schema='then', unique_key='id', strategy='check', check_cols='all') }}
select * from {{ ref('orders') }}
{% endsnapshot %}
