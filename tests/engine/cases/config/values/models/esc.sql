{{ config(escaped='it\'s', alias='esc') }} select 1 as x
