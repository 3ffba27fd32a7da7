{{ config(quoting={'identifier': true}, alias='c_2', unique_key=none, big=none) }}
select 1 as x
