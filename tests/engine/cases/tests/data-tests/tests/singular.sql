{{ config(severity='warn', store_failures=true, tags=['single'], limit=1) }}
select * from {{ ref('m') }} where id = 2
