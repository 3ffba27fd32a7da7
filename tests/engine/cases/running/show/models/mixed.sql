select 1.5::float8 as f union all select 2 union all select null order by 1
