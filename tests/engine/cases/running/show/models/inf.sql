select 'Infinity'::float8 as inf
