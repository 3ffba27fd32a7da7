{{ config(materialized='table', order_by='id') }}
select toInt32(number) as id, toString(number % 3) as k{% if var('step') == 3 %}, number as more{% endif %} from numbers({{ 4 + var('step') }})
