select a.id, b.name, c.name as third from {{ ref('versioned', v=1) }} a join {{ ref('versioned') }} b using (id) join {{ ref('versioned', version=3) }} c using (id)
