select * from {{ ref('orders') }} -- {{ my_macro(3) }}
