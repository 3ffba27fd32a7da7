select 1 as z where false
