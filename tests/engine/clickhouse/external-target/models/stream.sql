{{ config(materialized='incremental', order_by='id') }}
select toInt32(number) as id, toString(number % 3) as kind from numbers(6) where number >= {{ 3 * (var('step') - 1) }}
