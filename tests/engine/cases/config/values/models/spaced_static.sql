{{ config (meta={'list': [1, 2]}, tags=['x']) }}
select {{ var('f') }} as f
