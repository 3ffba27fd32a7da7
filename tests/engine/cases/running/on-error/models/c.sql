select 1 as x -- {{ ref('bad') }}
