{{ config(tags=['users', 'hourly']) }}
select * from {{ source('shop', 'users') }} where id in (select id from {{ ref('countries') }})
