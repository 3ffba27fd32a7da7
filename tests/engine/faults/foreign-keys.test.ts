// Tests project tables with foreign keys when one of them is rebuilt: keys are restored if possible, losses are
// reported, and an existing table is never taken for missing.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

let project: FaultProject;

const SEEN =
  "-- depends_on: {{ ref('dim') }}\n{{ config(materialized='table') }} select '{{ " +
  "adapter.get_relation(database=target.database, schema=target.schema, identifier='fact') }}' as " +
  'seen_after_dim';

beforeAll(async () => {
  project = await FaultProject.open({
    'models/fact.sql': "{{ config(materialized='incremental') }} select {{ var('n', 1) }} as id",
    'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id union all select 2",
    'models/later.sql': SEEN,
  });
});
afterAll(async () => {
  await project.close();
});

const KEYS =
  "select conname || ' ' || conrelid::regclass || ' ' || confrelid::regclass from pg_constraint where contype " +
  "= 'f' order by 1";
const PRIMARY = 'alter table {{ this }} add primary key (id)';
const flat = (out: string): string => out.replace(/\s+/g, ' ');

async function linked(): Promise<void> {
  await project.client.query('drop schema if exists s cascade');
  const { code, out } = await project.run(['run']);
  expect(code, out).toBe(0);
  await project.client.query(
    'alter table s.dim drop constraint if exists dim_pkey; alter table s.dim add constraint dim_pkey primary ' +
      'key (id); alter table s.fact add constraint fk foreign key (id) references s.dim (id)',
  );
}

it('a foreign key that a post-hook makes possible again is restored in the same transaction', async () => {
  project.write({
    'models/dim.sql':
      `{{ config(materialized='table', post_hook='${PRIMARY}') }} -- {{ ref('fact') }}\nselect 1 as id union all ` +
      'select 2',
  });
  await linked();
  const { code, out } = await project.run(['run', '--vars', '{n: 2}']);
  expect(code, out).toBe(0);
  expect(await project.rows(KEYS)).toEqual([['fk s.fact s.dim']]);
  expect(out).not.toContain('lost');
  expect(await project.rows('select id from s.fact order by 1')).toEqual([['1'], ['2']]);
});

it('a foreign key that a post-hook creates itself does not conflict with its restoration', async () => {
  project.write({
    'models/dim.sql':
      `{{ config(materialized='table', post_hook=['${PRIMARY}', 'alter table s.fact add constraint fk foreign ` +
      "key (id) references s.dim (id)']) }} -- {{ ref('fact') }}\nselect 1 as id union all select 2",
  });
  await project.client.query('drop schema if exists s cascade');
  for (let i = 0; i < 2; i++) {
    const { code, out } = await project.run(['run']);
    expect(code, out).toBe(0);
    expect(out).not.toContain('lost');
    expect(await project.rows(KEYS)).toEqual([['fk s.fact s.dim']]);
  }
});

it(
  'a foreign key without a key to refer to is lost, with a warning that names both tables and the reason, and ' +
    'the table still exists',
  async () => {
    project.write({
      'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id union all select 2",
    });
    await linked();
    const { code, out } = await project.run(['run', '--vars', '{n: 2}']);
    expect(code, out).toBe(0);
    expect(flat(out)).toMatch(
      new RegExp(
        String.raw`foreign key fk of "\w+"\."s"\."fact" is lost: "\w+"\."s"\."dim", which it refers to, was built` +
          ' anew, and it could not be put back: there is no unique constraint matching given keys for ref' +
          String.raw`erenced table "dim"\. Make it again`,
      ),
    );
    expect(await project.rows(KEYS)).toEqual([]);
    expect(await project.one('select seen_after_dim from s.later')).toMatch(/"s"\."fact"$/);
    expect(await project.rows('select id from s.fact order by 1')).toEqual([['1'], ['2']]);
  },
);

it('a foreign key is lost with the reason that rows no longer refer to anything', async () => {
  project.write({
    'models/dim.sql':
      `{{ config(materialized='table', post_hook='${PRIMARY}') }} -- {{ ref('fact') }}\nselect 2 as id union all ` +
      'select 3',
  });
  await project.client.query('drop schema if exists s cascade');
  expect((await project.run(['run', '--vars', '{n: 2}'])).code).toBe(0);
  await project.client.query('alter table s.fact add constraint fk foreign key (id) references s.dim (id)');
  project.write({
    'models/dim.sql': `{{ config(materialized='table', post_hook='${PRIMARY}') }} -- {{ ref('fact') }}\nselect 3 as id`,
  });
  const { code, out } = await project.run(['run', '--select', 'dim', 'later']);
  expect(code, out).toBe(0);
  expect(flat(out)).toContain(
    'violates foreign key constraint "fk". DETAIL: Key (id)=(2) is not present in table "dim". Make it again',
  );
  expect(await project.one('select seen_after_dim from s.later')).toMatch(/"s"\."fact"$/);
});

it('a foreign key of a table outside of the project stops the model and is kept', async () => {
  project.write({ 'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id" });
  await linked();
  await project.client.query('create table public.foreign_fact (id int constraint theirs references s.dim (id))');
  const { code, out } = await project.run(['run', '--select', 'dim']);
  expect(code).toBe(1);
  expect(flat(out)).toContain('foreign key theirs of');
  expect(await project.rows(KEYS)).toEqual([['fk s.fact s.dim'], ['theirs foreign_fact s.dim']]);
  await project.client.query('drop table public.foreign_fact');
});

it('a rule of a project table that cannot be restored causes a warning, and the table still exists', async () => {
  project.write({
    'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id, 'one' as word",
  });
  await project.client.query('drop schema if exists s cascade');
  expect((await project.run(['run'])).code).toBe(0);
  await project.client.query("create rule noted as on delete to s.fact do also insert into s.dim values (1, 'gone')");
  project.write({ 'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id" });
  const { code, out } = await project.run(['run', '--select', 'dim', 'later']);
  expect(code, out).toBe(0);
  expect(flat(out)).toMatch(
    new RegExp(
      String.raw`rule noted of "\w+"\."s"\."fact" is lost: .* could not be put back: column "word" of relation "d` +
        String.raw`im" does not exist\. Make it again`,
    ),
  );
  expect(await project.one('select seen_after_dim from s.later')).toMatch(/"s"\."fact"$/);
});

it('a Postgres publication that the new table does not fit into stops the model, and is kept', async () => {
  if (Number(await project.one("select current_setting('server_version_num')")) < 150000) return;
  project.write({
    'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id, 'one' as word",
  });
  await project.client.query('drop schema if exists s cascade');
  expect((await project.run(['run'])).code).toBe(0);
  await project.client.query(
    'set client_min_messages = error; create publication told for table s.dim (id, word); reset client_min_messages',
  );
  project.write({ 'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id" });
  const { code, out } = await project.run(['run', '--select', 'dim']);
  expect(code, out).toBe(1);
  expect(flat(out)).toContain('publication told of');
  expect(await project.rows("select tablename from pg_publication_tables where pubname = 'told'")).toEqual([['dim']]);
  await project.client.query('drop publication told');
});

it('a table whose rule names a dropped table still exists', async () => {
  project.write({
    'models/dim.sql': "{{ config(materialized='table') }} -- {{ ref('fact') }}\nselect 1 as id",
    'models/later.sql':
      "-- depends_on: {{ ref('dim') }}\n{{ config(materialized='table') }}{% if execute %}{% do " +
      "adapter.drop_relation(api.Relation.create(schema='s', identifier='log', type='table', " +
      'database=target.database)) %}{% endif %} ' +
      "select '{{ adapter.get_relation(database=target.database, schema=target.schema, identifier='fact') }}' " +
      'as seen_after_dim',
  });
  await project.client.query(
    'drop schema if exists s cascade; create schema s; create table s.log (id int); create table s.fact as ' +
      'select 1 as id; create rule noted as on insert to s.fact do also insert into s.log values (1)',
  );
  const { code, out } = await project.run(['run']);
  expect(code, out).toBe(0);
  expect(await project.one('select seen_after_dim from s.later')).toMatch(/"s"\."fact"$/);
  project.write({ 'models/later.sql': SEEN });
});

it('a name that the project leaves unquoted is the lower-case one, and an existing table is extended', async () => {
  project.write({
    'dbt_project.yml':
      'name: faults\nversion: "1.0"\nprofile: faults\nquoting: {identifier: false, schema: false}\nflags: ' +
      '{send_anonymous_usage_stats: false}\n',
    'models/Grown.sql':
      "{{ config(materialized='incremental') }} select {% if is_incremental() %}2{% else %}1{% endif %} as id",
    'models/Rebuilt.sql': "{{ config(materialized='table') }} select id from {{ ref('Grown') }}",
  });
  await project.client.query('drop schema if exists s cascade');
  for (let i = 0; i < 2; i++) {
    const { code, out } = await project.run(['run', '--select', 'Grown', 'Rebuilt']);
    expect(code, out).toBe(0);
  }
  expect(await project.rows('select id from s.grown order by 1')).toEqual([['1'], ['2']]);
  expect(await project.rows('select id from s.rebuilt order by 1')).toEqual([['1'], ['2']]);
});
