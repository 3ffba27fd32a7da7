{% snapshot of_ephemeral %}
{{ config(unique_key='id', strategy='check', check_cols='all', schema='snaps') }}
select * from {{ ref('e2') }}
{% endsnapshot %}
