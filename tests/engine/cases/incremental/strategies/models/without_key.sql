select * from {{ ref('input') }} where '{{ is_incremental() }}' = 'False' or id > 2
