select 1 as id, 'with x as (select 1)' as text -- a comment
