{{ config(alias=no_such_name, tags=['a', no_such_name]) }}
select 1 as id
