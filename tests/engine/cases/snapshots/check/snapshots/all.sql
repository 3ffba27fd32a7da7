{% snapshot check_all %}
{{ config(unique_key=['id', 'part'], strategy='check', check_cols='all', hard_deletes='new_record') }}
select * from {{ ref('things') }}
{%- if var('more', false) %} cross join (select 'added' as extra) e{% endif %}
{% endsnapshot %}

{% snapshot check_some %}
{{ config(unique_key="id || part", strategy='check', check_cols=['name', 'n'], updated_at="timestamp '2026-01-0" ~ var('day', 1) ~ "'") }}
select id, part, name, n from {{ ref('things') }}
{% endsnapshot %}

{% snapshot check_invalidate %}
{{ config(unique_key="id || part", strategy='check', check_cols=['"Odd Name"'], invalidate_hard_deletes=true) }}
select * from {{ ref('things') }}
{% endsnapshot %}
