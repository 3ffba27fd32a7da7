{{ config(alias='Odd alias ✓', schema='other') }}
select * from {{ ref('aliased') }}
