with own as (select * from {{ ref('e1') }}), second as (
    select id + 1 as id from own
)
select * from own union all select id, 'second' from second
