select (amount::numeric * {{ 50 + 50 }})::bigint
