select id, v, {{ ten() }} as n, '{{ ref('ten') }}' as told from {{ source('raw', 'rows') }}, {{ ref('ten') }} as t
