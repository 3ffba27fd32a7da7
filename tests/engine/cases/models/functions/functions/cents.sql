select amount * factor * {{ var("more", 1) }}
