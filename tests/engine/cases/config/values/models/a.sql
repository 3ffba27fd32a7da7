{{ config(materialized='table', w=3.0) }}
select '{{ thread_id }}' as t, '{{ config.get("ratio") }}' as r, '{{ config.get("w") }}' as w, {{ var('f') }} as f, '{{ config.get("big") }}' as b
