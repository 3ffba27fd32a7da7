{{ config(
    materialized='incremental', incremental_strategy='microbatch', event_time='at', begin='2020-01-01', batch_size='day', unique_key='id',
    pre_hook="create table if not exists {{ this.schema }}.hooks (w text, b text); insert into {{ this.schema }}.hooks values ('pre', '{{ model.batch.id }}')",
    post_hook="insert into {{ this.schema }}.hooks values ('post', '{{ model.batch.id }}')"
) }}
-- {{ model.batch }} {{ model.config.__dbt_internal_microbatch_event_time_start }} {{ is_incremental() }}
select id, at, v, case when id = {{ var('bad', 0) }} then 1 / (id - {{ var('bad', 0) }}) end as bad, {{ is_incremental() }} as incremental
from {{ ref('events') }}
union all
select id + 100, at, v, null, false from {{ source('raw', 'events') }} where id = 1
union all
select id + 200, at, v, null, false from {{ ref('events').render() }} where id = 2
