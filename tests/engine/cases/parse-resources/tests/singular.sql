{{ config(severity='warn', tags=['sing']) }}
select * from {{ ref('orders') }} where id < 0
