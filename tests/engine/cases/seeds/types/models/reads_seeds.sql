select i, s, mixed, pg_typeof(lead) as t, pg_typeof(bool_like) as b from {{ ref('inferred') }}
