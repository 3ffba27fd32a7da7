{{ config(materialized='table') }} select 1 as id, '{{ model.database }} {{ this.database }} {{ this.schema }}' as place
