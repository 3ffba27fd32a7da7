select
    12.50::numeric as decimal,
    100000000000000000000::numeric as long_decimal,
    9007199254740993::bigint as long_integer,
    1.50::float4 as real,
    true as yes,
    '2024-01-02'::date as day,
    '2024-01-02 03:04:05.6'::timestamp as instant,
    '2024-01-02 03:04:05.6+00'::timestamptz as zoned,
    array[1, 2] as list,
    '{"a": 1}'::jsonb as object
