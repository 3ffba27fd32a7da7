{{ config(on_schema_change='sync_all_columns', incremental_strategy='merge') }}
select {{ columns() }}
