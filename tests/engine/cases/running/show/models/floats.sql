select
    3.0::float8 as whole,
    1e20::float8 as large,
    1e15::float8 as long,
    1e16::float8 as exponent,
    1e-5::float8 as small,
    0.1::float8 as tenth,
    3.0::numeric as decimal,
    1::int as integer,
    null::float8 as absent
