select {{ function('cents') }}(1.5) as c
