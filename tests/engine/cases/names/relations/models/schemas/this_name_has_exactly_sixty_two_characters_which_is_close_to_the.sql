{{ config(materialized='table', alias='this_name_has_exactly_fifty_one_characters_in_it_xx') }}
select 1 as id
