select * from {{ var('base') }}
