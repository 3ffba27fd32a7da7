{{ config(on_schema_change='fail') }}
select {{ columns() }}
