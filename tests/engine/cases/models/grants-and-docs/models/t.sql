{{ config(materialized='table', grants={'+select': ['case_writer'], 'insert': ['case_writer']}) }}
select 1 as id, 2 as "Odd ""name"
