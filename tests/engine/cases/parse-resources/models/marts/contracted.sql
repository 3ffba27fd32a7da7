select 1 as id, 'a' as name, cast('2020-01-01' as date) as day
