-- {{ source('src','T1') }} {{ source('src','t2') }} {{ source('src2','T1') }} {{ ref('a') }} {{ this }}
select 1 as "Aa"
