{{ config(materialized='table', order_by='id', query_settings={'join_use_nulls': 1}) }}
select a.id as id, b.kind as kind from {{ ref('plain') }} a left join {{ ref('keyed') }} b on a.id = b.id + 1
