{% snapshot people_block %}
{{ config(unique_key='id', strategy='timestamp', updated_at='at') }}
select * from {{ ref('people') }}
{% endsnapshot %}

{% snapshot people_invalidate %}
{{ config(target_schema='old_style', unique_key="id || '-' || name", strategy='timestamp', updated_at='at', hard_deletes='invalidate') }}
select * from {{ ref('people') }} where id < 10
{% endsnapshot %}
