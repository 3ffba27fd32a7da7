select 1 as id, 'n' as name, true as extra
