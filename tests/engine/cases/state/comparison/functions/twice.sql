select 2 * n
