select 10 as n
