select 'NaN'::float8 as nan, 1.5::float8 as x
