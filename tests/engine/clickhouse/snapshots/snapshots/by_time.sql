{% snapshot by_time %}
{{ config(unique_key='id', strategy='timestamp', updated_at='at', target_schema='dev') }}
select id, user_id, at from {{ ref('events') }}
{% endsnapshot %}
