// Publications from Postgres into another Postgres.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { labForAll, type PublishLab } from './lab.ts';

const TABLE = "{{ config(materialized='table') }}\n";
const TO = { to: 'lookup', table: 'serving.m' };

describe('a publication to another Postgres', () => {
  let lab: PublishLab;
  labForAll((opened) => {
    lab = opened;
  });

  const run = (...args: string[]) => lab.project.run(args);
  const results = (): Record<string, [string, string | null]> => {
    const { results: all } = JSON.parse(readFileSync(join(lab.project.dir, 'target/run_results.json'), 'utf8')) as {
      results: { unique_id: string; status: string; message: string | null }[];
    };
    return Object.fromEntries(all.map((r) => [r.unique_id, [r.status, r.message]]));
  };
  const ID = 'publication.faults.m.lookup_serving_m';

  it('is a step of a build after the tests, and sends nothing if the version is there', async () => {
    lab.model(`${TABLE}select g as id, 'n' || g as name from generate_series(1, 3) g`, { ...TO, key: 'id' }, [
      'unique',
    ]);
    expect((await run('build')).code).toBe(0);
    expect(results()[ID]).toEqual(['success', 'PUBLISH 3']);
    expect(await lab.there('select * from serving.m order by id')).toEqual([
      ['1', 'n1'],
      ['2', 'n2'],
      ['3', 'n3'],
    ]);
    const again = await run('publish');
    expect(again.out).toContain('it holds this version already');
    expect(results()).toEqual({ [ID]: ['no-op', 'NO-OP'] });
    expect((await run('publish', '--full-refresh')).code).toBe(0);
    expect(results()).toEqual({ [ID]: ['success', 'PUBLISH 3'] });
    expect(await lab.there('select publication, row_count, mode from tsdbt.published')).toEqual([[ID, '3', 'replace']]);
  });

  it.each([
    ['replace', {}, 'truncate serving.m'],
    ['replace', {}, 'alter table serving.m rename id to other'],
    ['upsert', { key: 'id' }, 'delete from serving.m where id = 2'],
    ['partitions', { partition_by: 'id' }, 'delete from serving.m where id = 2'],
    ['partitions', { partition_by: 'id' }, 'insert into serving.m values (2)'],
  ])('in mode %s with %o is sent again after `%s`', async (mode, more, sql) => {
    lab.model(`${TABLE}select g as id from generate_series(1, 3) g`, { ...TO, mode, ...more });
    expect((await run('build')).code).toBe(0);
    await lab.there(sql);
    const { code, out } = await run('publish');
    expect(code, out).toBe(0);
    expect(await lab.there('select * from serving.m order by id')).toEqual([['1'], ['2'], ['3']]);
    expect((await run('publish')).out).toContain('it holds this version already');
  });

  it('is skipped if a test has failed, and is made by retry', async () => {
    lab.model(`${TABLE}select 1 as id union all select 1`, TO, ['unique']);
    expect((await run('build')).code).toBe(1);
    expect(results()[ID]).toEqual(['skipped', null]);
    expect(await lab.there("select to_regclass('serving.m')")).toEqual([['null']]);
    lab.model(`${TABLE}select 1 as id union all select 2`, TO, ['unique']);
    expect((await run('run')).code).toBe(0);
    // run publishes only what does not wait for tests.
    expect(results()).toEqual({ 'model.faults.m': ['success', 'SELECT 2'] });
    expect((await run('build')).code).toBe(0);
    expect(results()[ID]).toEqual(['success', 'PUBLISH 2']);
  });

  it('is part of run and not of test with when: built', async () => {
    lab.model(`${TABLE}select 1 as id union all select 1`, { ...TO, when: 'built' }, ['unique']);
    expect((await run('run')).code).toBe(0);
    expect(results()[ID]).toEqual(['success', 'PUBLISH 2']);
    expect((await run('test')).code).toBe(1);
    expect(results()[ID]).toBeUndefined();
  });

  it('is listed and selected with its model, by type and by name', async () => {
    lab.model(`${TABLE}select 1 as id`, TO);
    const ls = async (...args: string[]) => (await run('ls', '-q', ...args)).stdout.trim().split('\n');
    expect(await ls()).toEqual(['faults.m', 'faults.m.lookup_serving_m']);
    expect(await ls('--resource-type', 'publication')).toEqual(['faults.m.lookup_serving_m']);
    expect(await ls('-s', 'resource_type:publication')).toEqual(['faults.m.lookup_serving_m']);
    expect(await ls('--exclude', 'resource_type:publication')).toEqual(['faults.m']);
    const manifest = JSON.parse(readFileSync(join(lab.project.dir, 'target/manifest.json'), 'utf8')) as {
      child_map: Record<string, string[]>;
      publications: Record<string, unknown>;
    };
    expect(manifest.child_map['model.faults.m']).toEqual([ID]);
    expect(Object.keys(manifest.publications)).toEqual([ID]);
  });

  it('keeps its name if a second one to the same connection is added, and names and tables are unique', async () => {
    lab.model(`${TABLE}select 1 as id`, TO);
    expect((await run('build')).code).toBe(0);
    lab.model(`${TABLE}select 2 as id`, [TO, { ...TO, table: 'serving.n' }]);
    expect((await run('build')).code).toBe(0);
    expect(Object.keys(results()).toSorted()).toEqual(['model.faults.m', ID, 'publication.faults.m.lookup_serving_n']);
    lab.model(`${TABLE}select 2 as id`, [TO, { ...TO, table: 'serving_m' }]);
    const { code, out } = await run('parse');
    expect(code).toBe(2);
    expect(out).toContain("to 'serving_m' has the name of that to 'serving.m', publication.faults.m.lookup_serving_m");
    lab.model(`${TABLE}select 2 as id`, [TO, { ...TO, table: 'm' }]);
    const twice = await run('build');
    expect([twice.code, twice.out]).toEqual([
      2,
      expect.stringContaining(
        "Publication of model m: goes to 'm' of 'lookup', and model m goes to 'serving.m': both are one table.",
      ),
    ]);
  });

  it('is not made by a build with --empty or --sample', async () => {
    lab.model(`${TABLE}select 1 as id`, TO);
    expect((await run('build')).code).toBe(0);
    for (const option of [['--empty'], ['--sample', '3 days']]) {
      const ended = await run('build', ...option);
      expect(ended.code).toBe(0);
      expect(ended.out).toContain(`rows of ${option[0]} are not published`);
      expect(results()[ID]).toEqual(['no-op', 'NO-OP']);
      expect(await lab.there('select * from serving.m')).toEqual([['1']]);
    }
  });

  it('keeps grants of columns, and ignores default privileges', async () => {
    lab.model(`${TABLE}select 1 as id, 2 as name`, TO);
    expect((await run('build')).code).toBe(0);
    await lab.there('do $$ begin create role reader_of_copies; exception when others then null; end $$');
    await lab.there('grant select (id) on serving.m to reader_of_copies');
    await lab.there('alter default privileges in schema serving grant select on tables to reader_of_copies');
    lab.model(`${TABLE}select 2 as id, 3 as name`, TO);
    const { code, out } = await run('build');
    expect(code, out).toBe(0);
    const may = (column: string) =>
      lab.there(`select has_column_privilege('reader_of_copies', 'serving.m', '${column}', 'select')`);
    expect([await may('id'), await may('name'), await lab.there('select id from serving.m')]).toEqual([
      [['true']],
      [['false']],
      [['2']],
    ]);
    await lab.there('drop owned by reader_of_copies; drop role reader_of_copies');
  });

  it('creates its indexes if another table has indexes of the same names', async () => {
    lab.model(`${TABLE}select 1 as a_b, 2 as c`, { ...TO, table: 'serving.t', indexes: [['a_b', 'c']] });
    expect((await run('build')).code).toBe(0);
    lab.model(`${TABLE}select 1 as b, 2 as c`, { ...TO, table: 'serving.t_a', indexes: [['b', 'c']] });
    for (const more of [[], ['--full-refresh']]) {
      const { code, out } = await run('build', ...more);
      expect(code, out).toBe(0);
      expect(await lab.there("select indexname from pg_indexes where tablename = 't_a'")).toEqual([['t_a_b_c_idx1']]);
    }
  });

  it('sends values that change without a new row: a label, a column that was created again', async () => {
    await lab.project.client.query(
      "create type mood as enum ('sad', 'glad'); create schema if not exists s; create table s.moods (id " +
        'int, feels mood, n int); ' +
        "insert into s.moods values (1, 'sad', 5)",
    );
    lab.project.write({
      'models/m.sql':
        "{{ config(materialized='incremental') }} select * from s.moods" +
        '{% if is_incremental() %} where false{% endif %}',
    });
    lab.project.write({
      'models/m.yml': `models: [{name: m, config: {meta: {tsdbt: {publish: ${JSON.stringify(TO)}}}}}]\n`,
    });
    const there = async () => {
      const { code, out } = await run('publish');
      expect(code, out).toBe(0);
      return lab.there('select feels, n from serving.m');
    };
    const built = await run('build', '--full-refresh');
    expect(built.code, built.out).toBe(0);
    await lab.project.client.query("alter type mood rename value 'sad' to 'blue'");
    expect(await there()).toEqual([['blue', '5']]);
    await lab.project.client.query('alter table s.m drop column n; alter table s.m add column n int default 6');
    expect(await there()).toEqual([['blue', '6']]);
  });

  it('sends arrays of enums and domains as arrays of their base types', async () => {
    await lab.project.client.query(
      "create type tone as enum ('low, \"so\"', 'high'); create domain cents as numeric(8, 2); " +
        'create domain own_tone as tone; create schema if not exists s',
    );
    lab.model(
      `${TABLE}select 1 as id, array['high', 'low, "so"', null]::tone[] as tones, array[[1.5]]::cents[] as prices, ` +
        "'high'::own_tone as own, 2::cents as price",
      TO,
    );
    const built = await run('build');
    expect(built.code, built.out).toBe(0);
    expect(
      await lab.there(
        'select tones, prices::text, own, price, pg_typeof(tones), pg_typeof(prices), pg_typeof(own) from serving.m',
      ),
    ).toEqual([['high,low, "so",', '{{1.50}}', 'high', '2.00', 'text[]', 'numeric[]', 'text']]);
    expect((await run('publish')).out).toContain('it holds this version already');
    await lab.project.client.query("alter type tone rename value 'high' to 'loud'");
    expect((await run('publish')).code).toBe(0);
    expect(await lab.there('select tones[1], own from serving.m')).toEqual([['loud', 'loud']]);
  });

  it('rejects a password that is written in connections.yml, even one of digits', async () => {
    const before = lab.project.read('connections.yml');
    lab.model(`${TABLE}select 1 as id`, TO);
    lab.project.write({ 'connections.yml': before.replace(/password: "[^"]*"/, 'password: 123456') });
    const { code, out } = await run('build');
    lab.project.write({ 'connections.yml': before });
    expect([code, out.includes('123456')]).toEqual([1, false]);
    expect(out).toContain('lookup.password');
  });

  it('does not block readers of a view while their table is replaced', async () => {
    lab.model(`${TABLE}select g as id from generate_series(1, 100) g`, TO);
    expect((await run('build')).code).toBe(0);
    await lab.there(
      'create view serving.v as select * from serving.m; create view serving.w as select * from serving.v',
    );
    let over = false;
    const failed: string[] = [];
    const readers = ['v', 'w', 'w'].map(async (view) => {
      const client = await lab.client();
      while (!over)
        await client.query(`select count(*) from serving.${view}`).catch((error: Error) => failed.push(error.message));
      await client.end();
    });
    for (let round = 0; round < 5; round++) expect((await run('publish', '--full-refresh')).code).toBe(0);
    over = true;
    await Promise.all(readers);
    expect(failed).toEqual([]);
  });

  it('keeps values of every type, grants, comments and views, and creates the indexes', async () => {
    const values =
      "select 1::smallint as id, 123.4500::numeric(10,4) as n, 'a\tb\\\\c\nd'::text as t, true as b, " +
      "'-infinity'::timestamptz as at, 'NaN'::float8 as f, array['x', null, 'y,\"z']::text[] as l, " +
      `'{"k": 1.10}'::jsonb as j, '\\x00ff'::bytea as y, interval '1 day 2 hours' as i, null::uuid as u, ` +
      "date '2026-11-23' as d, int4range(1, 5) as r, inet '10.0.0.1/8' as a";
    const publish = { ...TO, key: 'id', indexes: [['t'], { columns: ['n', 'd'], unique: true }] };
    lab.model(TABLE + values, publish);
    expect((await run('build')).out).toContain('PUBLISH 1');
    await lab.there(
      "comment on table serving.m is 'kept'; grant select on serving.m to public; " +
        'create view serving.reader as select id, n from serving.m',
    );
    lab.model(
      `${TABLE}with v as (${values}) select * from v union all select id + 1, n + 1, t, b, at, f, l, j, y, i, u, ` +
        'd, r, a from v',
      publish,
    );
    expect((await run('build')).out).toContain('PUBLISH 2');
    const all = 'select * from {} m order by id';
    const [mine, copy] = [
      await lab.project.rows(all.replace('{}', 's.m')),
      await lab.there(all.replace('{}', 'serving.m')),
    ];
    expect(copy).toEqual(mine);
    expect(copy).toHaveLength(2);
    expect(await lab.there('select count(*) from serving.reader')).toEqual([['2']]);
    expect(
      await lab.there(
        "select obj_description('serving.m'::regclass), has_table_privilege('public', 'serving.m', 'select')",
      ),
    ).toEqual([['kept', 'true']]);
    expect(await lab.there("select indexname from pg_indexes where tablename = 'm' order by 1")).toEqual([
      ['m_n_d_key'],
      ['m_pkey'],
      ['m_t_idx'],
    ]);
  });

  it('overwrites no table of others unless it may adopt it', async () => {
    await lab.there('create schema serving; create table serving.m (mine int); insert into serving.m values (7)');
    lab.model(`${TABLE}select 1 as id`, TO);
    const refused = await run('build');
    expect(refused.code).toBe(1);
    expect(refused.out).toContain(
      "'serving.m' is not published: there is a table of that name that tsdbt has not published, and is not " +
        'overwritten.',
    );
    expect(await lab.there('select * from serving.m')).toEqual([['7']]);
    lab.model(`${TABLE}select 1 as id`, { ...TO, adopt: true });
    expect((await run('build')).code).toBe(0);
    expect(await lab.there('select * from serving.m')).toEqual([['1']]);
  });

  it('explains what to do about an existing view, and what its user lacks', async () => {
    await lab.there('create schema serving; create view serving.m as select 7 as mine');
    lab.model(`${TABLE}select 1 as id`, { ...TO, adopt: true });
    expect((await run('build')).out).toContain(
      "'serving.m' is not published: there is a view of that name that tsdbt has not published: it is dropped first, " +
        "or 'table' names another place",
    );
    await lab.there(
      'drop view serving.m; drop role if exists publish_poor; ' +
        "create role publish_poor login password 'of-the-poor'; drop schema if exists tsdbt cascade",
    );
    const connections = lab.project.read('connections.yml');
    const { env } = lab.project;
    lab.project.write({ 'connections.yml': connections.replace(/user: \w+/, 'user: publish_poor') });
    lab.project.env = { ...env, LOOKUP_PASSWORD: 'of-the-poor' };
    try {
      const refused = await run('publish');
      expect(refused.code).toBe(1);
      expect(refused.out).toContain("'serving.m' is not published: permission denied for ");
      expect(refused.out).toContain("The connection's user needs CREATE on the database, or to own its schemas");
      await lab.there('create schema tsdbt authorization publish_poor; alter schema serving owner to publish_poor');
      expect((await run('publish')).code).toBe(0);
      expect(await lab.there('select * from serving.m')).toEqual([['1']]);
    } finally {
      lab.project.write({ 'connections.yml': connections });
      lab.project.env = env;
      await lab.there('drop owned by publish_poor cascade; drop role publish_poor');
    }
  });

  it('rejects a key that is not unique, and keeps the copy', async () => {
    lab.model(`${TABLE}select 1 as id`, { ...TO, key: 'id' });
    expect((await run('build')).code).toBe(0);
    lab.model(`${TABLE}select 1 as id union all select 1`, { ...TO, key: 'id' });
    const refused = await run('build');
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('The key id of the publication is not unique: Key (id)=(1) is duplicated.');
    expect(await lab.there('select * from serving.m')).toEqual([['1']]);
  });

  it('rejects a null in the key by name, in each mode', async () => {
    lab.model(`${TABLE}select 1 as id`, { ...TO, key: 'id' });
    expect((await run('build')).code).toBe(0);
    for (const mode of ['replace', 'upsert']) {
      lab.model(`${TABLE}select 1 as id union all select null`, { ...TO, key: 'id', mode });
      const refused = await run('build');
      expect(refused.code).toBe(1);
      expect(refused.out).toContain(
        "Column 'id' has 1 value that cannot be published, such as null: a key has no null",
      );
      expect(await lab.there('select * from serving.m')).toEqual([['1']]);
    }
  });

  it('rejects a column that does not exist, and a type that no other server has', async () => {
    lab.model(`${TABLE}select 1 as id`, { ...TO, key: 'no' });
    expect((await run('build')).out).toContain(
      "'key' of the publication contains the column 'no', which does not exist",
    );
    lab.model(`${TABLE}select 1::money as id`, TO);
    expect((await run('build')).out).toContain("Column 'id' of type money cannot be published to Postgres: its text");
  });

  it('reports invalid settings with file, line and suggestion', async () => {
    lab.model(`${TABLE}select 1 as id`, { ...TO, to: 'lokup' });
    expect((await run('parse')).out).toContain(
      "Publication of model m: goes to 'lokup', and connections.yml has no such connection.",
    );
    lab.model(`${TABLE}select 1 as id`, { ...TO, to: 'kafka' });
    expect((await run('parse')).out).toContain("goes to 'kafka', which has no type: nothing goes there");
    lab.model(`${TABLE}select 1 as id`, { ...TO, mode: 'replce' });
    const { code, out } = await run('parse');
    expect(code).toBe(2);
    expect(out).toContain("'meta.tsdbt.publish.mode' of model.faults.m must be one of replace, upsert, partitions");
    expect(out).toContain('models/m.yml line 7, column 55');
    expect(out).toContain("did you mean 'replace'?");
  });
});
