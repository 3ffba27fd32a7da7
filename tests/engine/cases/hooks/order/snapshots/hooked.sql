{% snapshot hooked %}
{{ config(unique_key='id', strategy='check', check_cols=['id'], target_schema=target.schema, post_hook=log_line('snapshot done')) }}
select * from {{ ref('with_hooks') }}
{% endsnapshot %}
