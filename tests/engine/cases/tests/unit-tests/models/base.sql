select 1 as id, 'a'::text as name, timestamp '2026-01-01 00:00:00' as at, 1.50::numeric(10,2) as price
