{{ config(alias='Other Name', schema='more', tags=['x']) }}
select * from {{ ref('shown') }} where n > {{ var('least', 0) }}
