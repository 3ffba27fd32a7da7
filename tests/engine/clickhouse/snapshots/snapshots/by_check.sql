{% snapshot by_check %}
{{ config(unique_key='id', strategy='check', check_cols=['kind', 'user_id'], target_schema='dev') }}
select id, user_id, kind from {{ ref('events') }}
{% endsnapshot %}
