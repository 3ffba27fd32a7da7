{{ config(materialized='table', order_by='id') }}
select toInt32(number) as id, concat('ab', toString(number)) as name, toDateTime('2026-01-30 10:00:00') + interval number day as at, number % 2 = 0 as flag from numbers(4)
