select id, name, to_ts from {{ ref('people_yaml') }} where to_ts = '9999-12-31'
