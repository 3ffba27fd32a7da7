select 1 as id, 'x' as name, 1.5 as price
