select '{{ ref('a') }}' as told, '{{ source('s', 't') }}' as src from {{ ref('b') }}
