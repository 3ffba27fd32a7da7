select * from {{ ref('helper', 'shared') }}
union all
select * from {{ ref('only_helper') }}
union all select {{ helper.shout('x') }}, {{ whisper('y') }}
