{% set incremental = target.type == 'postgres' %}
{{ config(
    materialized='incremental' if incremental else 'table',
    unique_key='order_id' if incremental else none,
    order_by='order_id'
) }}
-- In Postgres an order that an event has arrived for comes again, whole, however late the event is. In ClickHouse the
-- files are read anew.
with events as (

    select *
    from {{ ref('stg_order_events') }}
{% if incremental %}
    where order_id in (
        select order_id
        from {{ new_rows(source('raw', 'order_events')) }} as arrived
    )
{% endif %}

)

select
    order_id,
    min(customer_id) as customer_id,
    min(country) as country,
    min(event_ts) as placed_at,
    sum(case when event_type = 'paid' then amount_cents else 0 end) as paid_cents,
    sum(case when event_type = 'refunded' then amount_cents else 0 end) as refunded_cents,
    max(case when event_type = 'cancelled' then 1 else 0 end) as is_cancelled,
    count(*) as events
from events
group by order_id
