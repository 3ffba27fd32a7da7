select '{{ var("plain") }}' as x
