select {{ helper.greet('model') }} as greeting, {{ shout('model') }} as loud, {{ helper.only_here() }} as here,
       (select count(*) from {{ ref('helper', 'numbers') }}) as numbers,
       (select count(*) from {{ ref('deep') }}) as deep
