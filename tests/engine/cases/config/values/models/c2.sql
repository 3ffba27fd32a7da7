{{ config(quoting={'identifier': true}, alias='c_2') }}
select 1 as x
