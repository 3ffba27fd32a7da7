select '{{ schema_exists() }}' as r
