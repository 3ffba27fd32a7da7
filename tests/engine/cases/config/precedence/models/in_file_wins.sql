{{ config(materialized='view', tags='file', meta={'level': 'file'}, pre_hook="insert into " ~ target.schema ~ ".seen select 'pre file'") }}
select '{{ config.get("meta")["level"] }}' as level, '{{ config.get("materialized") }}' as m, '{{ config.get("nothing", "default") }}' as n
