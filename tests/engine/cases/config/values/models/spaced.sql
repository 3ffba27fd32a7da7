{{ config (meta={'list': [1, 2]}, tags=['x'], alias='spaced_' ~ var('word')) }}
select {{ var('f') }} as f
