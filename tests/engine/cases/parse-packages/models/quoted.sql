{{ config(quoting={'identifier': false}, meta={'nested': {'list': [1, 2.5, none, true]}}, pre_hook="select {{ helper.shout('in hook') }}") }}
select 1 as "Id"
