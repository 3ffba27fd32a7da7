select timestamp '2024-01-01' as ts_hour
