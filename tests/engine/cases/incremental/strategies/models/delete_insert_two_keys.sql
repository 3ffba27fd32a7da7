{{ config(unique_key=['id', 'part'], incremental_strategy='delete+insert', incremental_predicates=["at >= '2026-01-01'"]) }}
select * from {{ ref('input') }}
{% if is_incremental() %}where at >= (select max(at) from {{ this }}){% endif %}
