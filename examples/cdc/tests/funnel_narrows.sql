-- Each step of the funnel has at most the users of the one before.
select day
from {{ ref('funnel_daily') }}
where added_to_cart > started or purchased > added_to_cart
