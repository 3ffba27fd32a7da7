select 2 as customer_id, 'a' as name, date '2020-01-01' as first_ordered_at, date '2020-01-01' as valid_from, date '2021-01-01' as valid_to
