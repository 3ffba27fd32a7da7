select 1 as id, 2 as customer_id, 3.5 as amount, date '2026-01-01' as ordered_at
