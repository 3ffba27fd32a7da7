{{ config(tags=['an']) }}
select * from {{ ref('pivoted') }} -- {{ this.name }} {{ execute }}

