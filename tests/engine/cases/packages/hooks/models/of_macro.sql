select * from {{ base() }} union all select * from {{ var('other') }}
