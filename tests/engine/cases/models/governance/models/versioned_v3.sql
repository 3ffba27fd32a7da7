select 1 as id, 'n3' as name
