select id, {{ function('largest') }}() as largest, {{ function('noisy') }}(0) as nothing
from {{ ref('numbers') }}
