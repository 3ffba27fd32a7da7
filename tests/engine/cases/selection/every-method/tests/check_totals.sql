{{ config(tags=['slow'], severity='WARN') }}
select * from {{ ref('orders') }} where id in (select id from {{ ref('revenue') }})
