select * from {{ ref('checked') }} where kind = 'buy'
