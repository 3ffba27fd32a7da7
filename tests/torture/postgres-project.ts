// The project that the Postgres campaign builds: a model of every kind over rows that change, what a reader may never
// see of it, and what must hold when all is built.
export const FILES: Readonly<Record<string, string>> = {
  'dbt_project.yml': "name: torture\nversion: '1.0'\nprofile: torture\nflags: {send_anonymous_usage_stats: false}\n",
  'seeds/s.csv': `k,name\n${[0, 1, 2, 3, 4].map((k) => `${k},n${k}\n`).join('')}`,
  'models/s.yml': `
sources: [{name: raw, schema: raw, tables: [{name: e}]}]
models:
  - {name: t, columns: [{name: id, data_tests: [unique, not_null]}]}
  - {name: im, columns: [{name: id, data_tests: [unique]}]}
  - {name: dt, columns: [{name: id, data_tests: [unique]}]}
  - {name: days, config: {event_time: at}}
`,
  'models/t.sql':
    "{{ config(materialized='table', indexes=[{'columns': ['id']}]) }} select * from {{ source('raw', 'e') }}",
  'models/v.sql':
    "select t.k, s.name, count(*) as n, sum(amount) as total from {{ ref('t') }} t left join {{ ref('s') }} s " +
    'using (k) group by 1, 2',
  'models/w.sql': "select sum(n) as n, sum(total) as total from {{ ref('v') }}",
  'models/t2.sql':
    '{{ config(materialized=\'table\', post_hook="create index if not exists t2_k on {{ this }} (k)") }} ' +
    "select * from {{ ref('v') }}",
  'models/ia.sql':
    "{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }} select id, k " +
    "from {{ source('raw', 'e') }} " +
    '{% if is_incremental() %} where id > (select coalesce(max(id), 0) from {{ this }}) {% endif %}',
  'models/im.sql':
    "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }} select * from {{ " +
    "source('raw', 'e') }} " +
    "{% if is_incremental() %} where updated_at >= (select coalesce(max(updated_at), '2000-01-01') from {{ " +
    'this }}) {% endif %}',
  'models/dt.sql':
    "{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['id', 'k']) }} " +
    "select id, k, amount from {{ source('raw', 'e') }}",
  'models/days.sql':
    "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', " +
    "batch_size='day', lookback=3, unique_key='id', " +
    "begin=(modules.datetime.datetime.now() - modules.datetime.timedelta(days=2)).strftime('%Y-%m-%d')) }} " +
    "select id, k, at from {{ source('raw', 'e') }}",
  'models/mv.sql':
    "{{ config(materialized='materialized_view') }} select k, count(*) as n from {{ ref('t') }} group by 1",
  // Slow, so that they hold what they read while others would replace it.
  'models/theirs.sql':
    "{{ config(materialized='table', tags=['theirs']) }} select k, count(*) as n from {{ ref('t') }}, " +
    'pg_sleep(0.5) group by 1',
  'models/theirs_too.sql':
    "{{ config(materialized='incremental', unique_key='id', tags=['theirs']) }} select id, k from {{ ref('im') " +
    '}}, pg_sleep(0.5)',
  'models/theirs_view.sql':
    "{{ config(materialized='view', tags=['theirs']) }} select t.id, count(*) as n from {{ ref('t') }} join {{ " +
    "ref('im') }} using (id) group by 1",
  'snapshots/sn.sql':
    "{% snapshot sn %}{{ config(target_schema='an', unique_key='id', strategy='timestamp', " +
    "updated_at='updated_at') }} " +
    "select * from {{ source('raw', 'e') }}{% endsnapshot %}\n" +
    "{% snapshot sc %}{{ config(target_schema='an', unique_key='id', strategy='check', check_cols=['amount'], " +
    "hard_deletes='invalidate') }} " +
    "select id, amount from {{ source('raw', 'e') }}{% endsnapshot %}",
};

export const SETUP =
  'create schema raw; create table raw.e (id int primary key, k int, amount int, at timestamp, updated_at ' +
  'timestamp); create sequence raw.ids';

/** More rows of the last three days, other amounts, some rows gone. */
export const CHANGE =
  "insert into raw.e select nextval('raw.ids'), n % 5, n % 50, date_trunc('day', now()) - (n % 3) * interval '1 " +
  `day', clock_timestamp() from generate_series(1, 20) n;
update raw.e set amount = amount + 1, updated_at = clock_timestamp() where id % 7 = (random() * 6)::int;
delete from raw.e where id % 29 = (random() * 28)::int and id < (select max(id) - 20 from raw.e);`;

/** Each is 0 at every moment, for every reader: one question is one snapshot of the database. */
export const ALWAYS: Readonly<Record<string, string>> = {
  't twice': 'select count(*) - count(distinct id) from an.t',
  't empty': 'select (count(*) = 0)::int from an.t',
  'im twice': 'select count(*) - count(distinct id) from an.im',
  'im empty': 'select (count(*) = 0)::int from an.im',
  'ia twice': 'select count(*) - count(distinct id) from an.ia',
  'dt twice': 'select count(*) - count(distinct id) from an.dt',
  'dt empty': 'select (count(*) = 0)::int from an.dt',
  'days twice': 'select count(*) - count(distinct id) from an.days',
  'sn open twice': 'select count(*) - count(distinct id) from an.sn where dbt_valid_to is null',
  'sc open twice': 'select count(*) - count(distinct id) from an.sc where dbt_valid_to is null',
  'sn version twice': 'select count(*) - count(distinct dbt_scd_id) from an.sn',
  seed: 'select count(*) - 5 + count(*) - count(distinct k) from an.s',
  'view and table': 'select (select sum(n) from an.v) - (select count(*) from an.t)',
  'view on a view': 'select (select n from an.w) - (select count(*) from an.t)',
  'materialized view empty': 'select (count(*) = 0)::int from an.mv',
};

const both = (a: string, b: string): string =>
  `select count(*) from ((${a} except ${b}) union all (${b} except ${a})) x`;

/** With real dbt: its view on our tables is never away. */
export const THEIRS = 'select count(*) - count(distinct id) from an.theirs_view';

/** Each is 0 when all is built and the rows have not changed since. */
export const BUILT: Readonly<Record<string, string>> = {
  ...ALWAYS,
  t: both('table raw.e', 'table an.t'),
  'ia lacks rows': 'select count(*) from (select id from raw.e except select id from an.ia) x',
  'im lacks rows': 'select count(*) from (select id, amount from raw.e except select id, amount from an.im) x',
  'dt lacks rows': 'select count(*) from (select id, k, amount from raw.e except select id, k, amount from an.dt) x',
  'days lacks rows': 'select count(*) from (select id, k from raw.e except select id, k from an.days) x',
  'sn lacks rows':
    'select count(*) from (select id, amount from raw.e except select id, amount from an.sn where dbt_valid_to ' +
    'is null) x',
  sc: both('select id, amount from raw.e', 'select id, amount from an.sc where dbt_valid_to is null'),
  t2: both('select k, name, n, total from an.v', 'select k, name, n, total from an.t2'),
  mv: both('select k, n from an.mv', 'select k, count(*) from an.t group by 1'),
};

/** Every relation, and every index by what it is on; their names may differ from build to build. */
export const RELATIONS =
  `select string_agg(x, ', ' order by x) from (
  select case relkind when 'i' then regexp_replace(pg_get_indexdef(c.oid), '^(.*INDEX) \\S+', '\\1') else ` +
  `relkind::text || ' ' || nspname || '.' || relname end as x
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname not like 'pg\\_%' and nspname ` +
  `<> 'information_schema' and relname !~ '^theirs'
) y`;
