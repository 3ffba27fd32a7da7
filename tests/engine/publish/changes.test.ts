// Tests incremental copies in Postgres: by key and by partition, and the removal of old ones.
import { describe, expect, it } from 'vitest';
import { labForAll, type PublishLab } from './lab.ts';

const TABLE = "{{ config(materialized='table') }}\n";

describe('an incremental publication', () => {
  let lab: PublishLab;
  labForAll((opened) => {
    lab = opened;
  });
  const publish = async (sql: string, settings: unknown, ...args: string[]) => {
    lab.model(TABLE + sql, settings);
    return lab.project.run(['build', ...args]);
  };
  const all = () => lab.there('select *, xmin from serving.m order by 1, 2');

  it('writes rows by key that are new, changed or gone, and leaves the others unchanged', async () => {
    const settings = { to: 'lookup', table: 'serving.m', mode: 'upsert', key: ['id'] };
    const rows = (values: string) => `select * from (values ${values}) v (id, name, j)`;
    const one = `(1, 'a', '{"a": 1}'::json), (2, null, null), (3, 'c', '{}')`;
    expect((await publish(rows(one), settings)).code).toBe(0);
    const before = await all();
    await lab.there('create function serving.f() returns trigger language plpgsql as $$ begin return new; end $$');
    await lab.there('create trigger kept before insert on serving.m for each row execute function serving.f()');
    const two = `(1, 'a', '{"a": 1}'::json), (3, 'd', '{}'), (4, null, '[1]')`;
    const changed = await publish(rows(two), settings);
    expect(changed.out).toContain('PUBLISH 3');
    const after = await all();
    expect(after.map((row) => row.slice(0, 2))).toEqual([
      ['1', 'a'],
      ['3', 'd'],
      ['4', 'null'],
    ]);
    expect(after[0]).toEqual(before[0]);
    expect(await lab.there("select count(*) from pg_trigger where tgname = 'kept'")).toEqual([['1']]);
    const twice = await publish(rows(`${two}, (4, 'x', null)`), settings);
    expect(twice.code).toBe(1);
    expect(twice.out).toContain('The key id of the publication is not unique: Key (id)=(4) is duplicated.');
    expect(await all()).toEqual(after);
  });

  it('supports another index, a column that becomes nullable, and values that rows exchange', async () => {
    const settings = { to: 'lookup', table: 'serving.m', mode: 'upsert', key: ['id'] };
    const rows = (values: string) => `select * from (values ${values}) v (id, name)`;
    await lab.there('create schema serving; create table serving.m (id int primary key, name text not null)');
    const first = await publish(rows("(1, 'a'), (2, 'b')"), { ...settings, adopt: true });
    expect(first.code, first.out).toBe(0);
    const [table] = await lab.there("select 'serving.m'::regclass::oid");
    const indexed = { ...settings, adopt: true, indexes: [{ columns: ['name'], unique: true }] };
    const second = await publish(rows("(1, 'b'), (2, 'a'), (3, null)"), indexed);
    expect(second.code, second.out).toBe(0);
    expect(await lab.there('select * from serving.m order by id')).toEqual([
      ['1', 'b'],
      ['2', 'a'],
      ['3', 'null'],
    ]);
    expect((await publish(rows("(1, 'a'), (2, 'b'), (3, null)"), indexed)).code).toBe(0);
    expect(await lab.there('select name from serving.m order by id')).toEqual([['a'], ['b'], ['null']]);
    expect(await lab.there("select 'serving.m'::regclass::oid")).toEqual([table]);
    expect(
      await lab.there(
        "select indexname from pg_indexes where schemaname = 'serving' and indexdef like 'CREATE UNIQUE%(name)'",
      ),
    ).toEqual([['m_name_key']]);
  });

  it('replaces changed partitions, keeps older ones, and drops expired ones', async () => {
    const settings = {
      to: 'lookup',
      table: 'serving.m',
      mode: 'partitions',
      partition_by: ['day(at)', 'country'],
      retention: '90 days',
    };
    const rows = (values: string) =>
      `select id, now()::timestamp - age as at, country from (values ${values}) v (id, age, country)`;
    const day = (n: number) => `interval '${n} days'`;
    const days = async () => (await lab.there('select id from serving.m order by id')).flat();
    await publish(rows(`(1, ${day(1)}, 'de'), (2, ${day(2)}, 'de'), (3, ${day(80)}, null)`), settings);
    expect(await days()).toEqual(['1', '2', '3']);
    // Day 2 is no longer in the model and stays; day 80 without a country gets another row; day 95 is over.
    const next = await publish(
      rows(`(1, ${day(1)}, 'de'), (4, ${day(1)}, 'fr'), (5, ${day(80)}, null), (6, ${day(95)}, 'de')`),
      settings,
    );
    expect(next.out).toContain('PUBLISH 4');
    expect(await days()).toEqual(['1', '2', '4', '5']);
    // Anew, without what the model lacks; the table itself stays.
    const oid = await lab.there("select 'serving.m'::regclass::oid");
    expect((await lab.project.run(['publish', '--full-refresh'])).out).toContain('PUBLISH 3');
    expect(await days()).toEqual(['1', '4', '5']);
    expect(await lab.there("select 'serving.m'::regclass::oid")).toEqual(oid);
    // Another column: older partitions stand only there.
    const refused = await publish(`select 1::bigint as id, now()::timestamp as at, 'de' as country`, settings);
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('its columns are others by now');
    expect(await days()).toEqual(['1', '4', '5']);
  });

  it('keeps no expired partition and no mark of one, even on the first run or without changes', async () => {
    const settings = { to: 'lookup', table: 'serving.m', mode: 'partitions', partition_by: ['day(at)'] };
    const sql =
      "select id, now()::timestamp - age as at from (values (1, interval '1 day'), (2, interval '80 days'), " +
      "(3, interval '95 days')) v (id, age)";
    const ids = async () => (await lab.there('select id from serving.m order by id')).flat();
    await publish(sql, { ...settings, retention: '90 days' });
    expect(await ids()).toEqual(['1', '2']);
    // As if the days had gone by since: the mark and the row of a partition that is over by now.
    await lab.there("insert into serving.m values (9, now() - interval '91 days')");
    await lab.there(
      'update tsdbt.published set parts = parts || jsonb_build_object(json_build_array(to_char(now() - interval ' +
        "'91 days', 'YYYY-MM-DD'))::text, 'x')",
    );
    expect((await lab.project.run(['publish'])).out).toContain('PUBLISH 2');
    expect(await ids()).toEqual(['1', '2']);
    expect((await lab.project.run(['publish'])).out).toContain('it holds this version already');
    await publish(sql, { ...settings, retention: '100 days' });
    expect(await ids()).toEqual(['1', '2', '3']);
    await publish(sql, { ...settings, retention: '50 days' });
    expect(await ids()).toEqual(['1']);
    await publish(sql, { ...settings, retention: '100 days' });
    expect(await ids()).toEqual(['1', '2', '3']);
  });

  it('with a column named t sends the rows that changed in a view and in partitions', async () => {
    const publish_t = async (sql: string, settings: object) => (await publish(sql, settings)).code;
    const whole = { to: 'lookup', table: 'serving.m' };
    const parts = { ...whole, mode: 'partitions', partition_by: ['day(at)'] };
    for (const settings of [whole, parts]) {
      await lab.there('drop schema if exists serving cascade; drop schema if exists tsdbt cascade');
      const sql = (v: string) =>
        `{{ config(materialized='view') }} select 1 as id, 'x' as t, '${v}' as v, date '2026-11-01' as at`;
      expect(await publish_t(sql('old'), settings)).toBe(0);
      expect(await publish_t(sql('new'), settings)).toBe(0);
      expect(await lab.there('select v from serving.m')).toEqual([['new']]);
    }
  });

  it('keeps rows of a year beyond 9999 when retention drops older partitions', async () => {
    const settings = {
      to: 'lookup',
      table: 'serving.m',
      mode: 'partitions',
      partition_by: ['day(at)'],
      retention: '9 days',
    };
    const rows = (old: string) =>
      `select 1 as id, current_date as at union all select 2, date '10000-01-01' union all select 3, ${old}`;
    expect((await publish(rows('current_date - 8'), settings)).code).toBe(0);
    expect((await publish(rows('current_date - 10'), settings)).code).toBe(0);
    expect(await lab.there('select id from serving.m order by id')).toEqual([['1'], ['2'], ['3']]);
    await lab.there('delete from serving.m where id = 3');
    expect((await lab.project.run(['publish', '--full-refresh'])).code).toBe(0);
    expect(await lab.there('select id from serving.m order by id')).toEqual([['1'], ['2']]);
  });

  it('by key writes a key again that changes and compares as equal', async () => {
    const settings = { to: 'lookup', table: 'serving.m', mode: 'upsert', key: 'id' };
    const sql = (n: string) => `select ${n}::numeric as id, 'x' as v`;
    expect((await publish(sql('1.0'), settings)).code).toBe(0);
    expect((await publish(sql('1.00'), settings)).code).toBe(0);
    expect(await lab.there('select id from serving.m')).toEqual([['1.00']]);
  });

  it('fails if a policy of the receiver hides rows from its role', async () => {
    await lab.there(
      'create role plain login password \'plain\'; grant create on database "$" to plain'.replace(
        '$',
        (await lab.there('select current_database()'))[0]?.[0] ?? '',
      ),
    );
    const connections = lab.project.read('connections.yml');
    const [own = ''] = connections.split('\n');
    lab.project.write({
      'connections.yml': `${connections}${own
        .replace('lookup', 'restricted')
        .replace(/user: [^,]+/, 'user: plain')
        .replace(/password: "[^"]+"/, `password: "{{ env_var('PLAIN') }}"`)}\n`,
    });
    lab.project.env = { ...lab.project.env, PLAIN: 'plain' };
    const settings = { to: 'restricted', table: 'serving.m', mode: 'upsert', key: 'id' };
    const ids = (list: string) => `select id from (values ${list}) v (id)`;
    try {
      const first = await publish(ids('(1), (2)'), settings);
      expect(first.code, first.out).toBe(0);
      await lab.there(
        'alter table serving.m enable row level security, force row level security; ' +
          'create policy visible on serving.m using (id <> 2)',
      );
      const { code, out } = await publish(ids('(1)'), settings);
      expect([code, out]).toEqual([1, expect.stringContaining('row-level security policy')]);
      await lab.there('alter table serving.m disable row level security');
      expect(await lab.there('select id from serving.m order by id')).toEqual([['1'], ['2']]);
    } finally {
      await lab.there('drop owned by plain cascade; drop role plain');
      lab.project.write({ 'connections.yml': connections });
    }
  });

  it('replaces a copy that was restored from a dump, and rejects another table', async () => {
    const settings = { to: 'lookup', table: 'serving.m', mode: 'upsert', key: 'id' };
    const ids = (list: string) => `select id from (values ${list}) v (id)`;
    expect((await publish(ids('(1), (2)'), settings)).code).toBe(0);
    // Tables made anew with the same contents, as pg_restore does.
    const restore = (name: string) =>
      `create table ${name}_dump (like ${name} including all); insert into ${name}_dump select * from ${name}; ` +
      `drop table ${name}; alter table ${name}_dump rename to ${name.split('.')[1]};`;
    await lab.there(restore('serving.m'));
    const other = await publish(ids('(1)'), settings);
    expect([other.code, other.out]).toEqual([1, expect.stringContaining('that tsdbt has not published')]);
    await lab.there(`${restore('tsdbt.published')} update tsdbt.published set version = version`);
    expect((await publish(ids('(1)'), settings)).code).toBe(0);
    expect(await lab.there('select id from serving.m')).toEqual([['1']]);
    expect((await lab.project.run(['publish'])).out).toContain('it holds this version already');
  });

  it('omits an excluded column, and rejects what it cannot write', async () => {
    const settings = { to: 'lookup', table: 'm', columns: ['b', 'id'] };
    expect((await publish('select 1 as id, 2 as b, 3 as c', settings)).code).toBe(0);
    expect(await lab.there('select * from serving.m')).toEqual([['2', '1']]);
    await lab.there('alter table serving.m enable row level security');
    const refused = await publish('select 2 as id, 2 as b, 3 as c', settings);
    expect(refused.out).toContain("'serving.m' is not published: it has row security");
    expect(await lab.there('select * from serving.m')).toEqual([['2', '1']]);
  });
});
