{{ config(on_error='continue') }}
select no_such_column as id
