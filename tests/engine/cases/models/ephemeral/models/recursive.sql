with recursive t(n) as (select id from {{ ref('e1') }} union all select n + 1 from t where n < 3) select n from t
