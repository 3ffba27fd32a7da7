{{ config(materialized='table') }}
select {{ dbt.listagg('name', "','", 'order by id desc', 2) }} as la, {{ dbt.listagg('name', "'-'") }} as lb, {{ dbt.any_value('1') }} as av, {{ dbt.bool_or('flag') }} as bo from {{ ref('base') }}
