// `tsdbt diff` between two schemas and two databases: what it prints, what it sends, what it refuses.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DiffLab, openDiffLab } from './lab.ts';

describe('the diff command', () => {
  let lab: DiffLab;
  beforeAll(async () => {
    lab = await openDiffLab('diff_d');
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    lab.project.write({ 'models/m.yml': 'models: [{name: m, config: {unique_key: id}}]' });
    await lab.here(
      'drop schema if exists s cascade; drop schema if exists b cascade; create schema s; create schema b',
    );
    await lab.there('drop schema if exists s cascade; create schema s');
  });
  const run = (...args: string[]) => lab.project.run(['diff', ...args]);
  const twoRows = "select 1 as id, 'a' as x union all select 2, 'b'";

  /** A relation that is equal in the database, and from one to another. */
  const both = async (ours: string, theirs: string) => {
    await lab.here(`create table s.m as ${ours}; create table b.m as ${theirs}`);
    await lab.there(`create table s.m as ${theirs}`);
  };
  const ways = ['beside', 'away'] as const;

  it('prints the differences as text and as CSV', async () => {
    await both(
      `${twoRows} union all select 3, null`,
      "select 2 as id, 'c' as x union all select 3, 'd,e' union all select 4, 'f'",
    );
    const table = await run('--to-target', 'beside', '--where', 'id < 9');
    expect(table.code, table.out).toBe(1);
    const printed = table.stdout.slice(table.stdout.indexOf('m: ')).replace(/^\d\d:\d\d:\d\d +/gm, '');
    expect(printed.replace(/"tsdbt_test_\w+"/g, 'db').trimEnd()).toBe(
      `m: different, by id
  here   dev: db."s"."m"
  there  beside: db."b"."m"
  rows        3 here, 3 there
  only here   1
  only there  1
  different   2 (x 2)

            id  column  here  there
only here   1
only there  4
different   2   x       b     c
different   3   x       null  d,e`,
    );
    const csv = await run('--to-target', 'away', '--output', 'csv');
    expect(csv.stdout.trimEnd().split('\n')).toEqual([
      'name,kind,key,column,here,there',
      'm,only_here,1,,,',
      'm,differs,2,x,b,c',
      'm,differs,3,x,,"d,e"',
      'm,only_there,4,,,',
    ]);
  });

  it('transfers only rows whose hashes differ from one database to another, and ends', async () => {
    const rows = 'select id, id % 7 as x, null::text as y from generate_series(1, 20000) id';
    await both(rows, rows);
    /** How often rows of the command's own target were asked for, and the exit code. */
    const asked = async (): Promise<readonly [number, number | null]> => {
      const target = `t${Math.random()}`;
      const args = ['diff', '--to-target', 'away', '--log-level-file', 'debug', '--log-format-file', 'text'];
      const { code } = await lab.project.start(args, target).ended;
      return [lab.project.read(`logs-${target}/dbt.log`).match(/copy \(select t\."id"/g)?.length ?? 0, code];
    };
    expect(await asked()).toEqual([0, 0]);
    await lab.there("delete from s.m where id = 5; insert into s.m values (30000, 1, 'new')");
    expect(await asked()).toEqual([1, 1]);
    const { found } = await lab.diff('--to-target', 'away');
    expect(found.rows).toEqual({ here: 20000, there: 20000, only_here: 1, only_there: 1, differs: 0 });
    expect(found.sample.map(({ kind, key }) => [kind, key])).toEqual([
      ['only_here', { id: '5' }],
      ['only_there', { id: '30000' }],
    ]);
  });

  for (const way of ways) {
    it(`reports which columns are on one side, and which cannot be compared: ${way}`, async () => {
      await both(
        'select 1 as id, 1 as a, 1.50 as n, 1.5::float8 as f, array[1, 2] as l',
        'select 1 as id, 2 as z, 1.5::numeric(9, 3) as n, 1.5 as f, array[1, 2] as l',
      );
      const { ended, found } = await lab.diff('--to-target', way);
      expect(ended.code).toBe(1);
      expect(found).toMatchObject({
        equal: false,
        rows: { here: 1, there: 1, only_here: 0, only_there: 0, differs: 0 },
        columns: [
          { name: 'n', differs: 0 },
          { name: 'l', differs: 0 },
        ],
        columns_only_here: ['a'],
        columns_only_there: ['z'],
        not_compared: [{ column: 'f', here: 'double precision', there: 'numeric' }],
      });
      expect((await run('--to-target', way, '--exclude-columns', 'a,z,f')).code).toBe(0);
      expect((await run('--to-target', way, '--columns', 'n', 'l')).code).toBe(0);
    });

    it(`shows the requested number of rows of each kind, and counts all: ${way}`, async () => {
      await both(
        'select i as id, i as v from generate_series(1, 30) i',
        'select i as id, i + (i % 2) as v from generate_series(11, 40) i',
      );
      const { found } = await lab.diff('--to-target', way, '--limit', '2');
      expect(found.rows).toEqual({ here: 30, there: 30, only_here: 10, only_there: 10, differs: 10 });
      const keys = found.sample.map(({ kind, key }) => `${kind} ${key['id']}`);
      expect(keys.sort()).toEqual([
        'differs 11',
        'differs 13',
        'only_here 1',
        'only_here 2',
        'only_there 31',
        'only_there 32',
      ]);
      expect((await lab.diff('--to-target', way, '--where', 'id between 11 and 30 and id % 2 = 0')).ended.code).toBe(0);
    });

    it(`rejects a null or a duplicate in the key, a missing relation and a missing column: ${way}`, async () => {
      await both(`${twoRows} union all select 2, 'c'`, `${twoRows} union all select null, 'c'`);
      const refusals = [
        [[], 'The key id is not unique here: several rows have id = 2'],
        [['--key', 'x'], ''],
        [['--where', "x <> 'c' or id is null"], "The key column 'id' contains nulls there"],
        [['--key', 'nix'], "Column 'nix' does not exist on either side"],
        [['--columns', 'nix'], "Column 'nix' does not exist on either side"],
      ] as const;
      for (const [args, message] of refusals) {
        const { code, out } = await run('--to-target', way, ...args);
        expect([code, out.includes(message)], out).toEqual([message === '' ? 1 : 2, true]);
      }
      await lab.here('drop table b.m');
      await lab.there('drop table s.m');
      expect(await run('--to-target', way)).toMatchObject({
        code: 2,
        out: expect.stringContaining('There is no relation'),
      });
    });
  }

  it('takes the key from unique_key, a primary key or a test, and rejects a model without any', async () => {
    await both(twoRows, twoRows);
    const keys: [string, readonly string[] | string][] = [
      ['{name: m, config: {unique_key: [id, x]}}', ['id', 'x']],
      ['{name: m, columns: [{name: id, data_tests: [unique]}]}', ['id']],
      ['{name: m, constraints: [{type: primary_key, columns: [x]}]}', ['x']],
      ['{name: m}', 'The key of m is unknown'],
      ['{name: m, config: {unique_key: "id || x"}}', 'The key of m is unknown'],
    ];
    for (const [yaml, key] of keys) {
      lab.project.write({ 'models/m.yml': `models: [${yaml}]` });
      const { ended, found } = await lab.diff('--to-target', 'away');
      if (typeof key === 'string') expect([ended.code, ended.out.includes(key)], ended.out).toEqual([2, true]);
      else expect(found.key, ended.out).toEqual(key);
    }
  });

  const wrong: [string, string[], string][] = [
    ['neither side named', [], 'Expected either --to-target'],
    ['both', ['--to-target', 'away', '--copies'], 'Expected either --to-target'],
    ['its own target', ['--to-target', 'dev'], "'dev' is the current target"],
    ['an unknown target', ['--to-target', 'nix'], 'nix'],
    ['a limit below 0', ['--to-target', 'away', '--limit', '-1'], '-1; expected a number of rows'],
    ['a selection of nothing', ['--to-target', 'away', '-s', 'nix'], 'No selected node can be compared'],
    ['a selection without copies', ['--copies'], 'No selected node can be compared'],
    ['a condition that is no SQL', ['--to-target', 'away', '--where', 'id >'], 'syntax error'],
  ];
  for (const [name, args, message] of wrong)
    it(`rejects ${name}`, async () => {
      await both(twoRows, twoRows);
      const { code, out } = await run(...args);
      expect([code, out.includes(message), /^ {4}at /m.test(out)], out).toEqual([2, true, false]);
    });

  it('continues if a relation is missing, and names it', async () => {
    await lab.here('create schema if not exists s; drop table if exists s.m; create table s.m as select 1 as id');
    await lab.there('create schema if not exists s; drop table if exists s.m; create table s.m as select 1 as id');
    lab.project.write({
      'models/absent.sql': 'select 1 as id',
      'models/absent.yml': 'models: [{name: absent, config: {unique_key: id}}]',
    });
    const { ended, found } = await lab.diff('--to-target', 'away');
    expect([ended.code, found.equal, found.rows.here], ended.out).toEqual([1, true, 1]);
    const document: { equal: boolean; failed: unknown } = JSON.parse(ended.stdout);
    expect([document.equal, document.failed]).toEqual([
      false,
      [{ name: 'absent', unique_id: 'model.faults.absent', why: expect.stringContaining('There is no relation "') }],
    ]);
    const table = await lab.project.run(['diff', '--to-target', 'away']);
    expect(table.code, table.out).toBe(1);
    expect(table.out).toContain('m: equal, by id');
    expect(table.out).toContain('absent could not be compared: There is no relation "');
    lab.project.remove('models/absent.sql');
    lab.project.remove('models/absent.yml');
  });

  it('compares a model with its published copy, in the published columns', async () => {
    const { host, port, user, password, database } = lab.project.client as unknown as Record<string, string>;
    lab.project.env = { COPY_PASSWORD: String(password) };
    lab.project.write({
      'connections.yml':
        `lookup: {type: postgres, host: ${host}, port: ${port}, user: ${user}, ` +
        `password: "{{ env_var('COPY_PASSWORD') }}", dbname: ${database}, schema: serving}\n`,
      'models/m.sql':
        "{{ config(materialized='table') }} select 1 as id, 'a' as x, 'secret' as y union all select 2, 'b', 'z'",
      'models/m.yml':
        'models: [{name: m, config: {meta: {tsdbt: {publish: {to: lookup, table: m, key: id, columns: [id, x]}}}}}]',
    });
    expect((await lab.project.run(['build'])).code).toBe(0);
    expect((await lab.diff('--copies')).found).toMatchObject({
      equal: true,
      key: ['id'],
      rows: { here: 2, there: 2 },
      columns: [{ name: 'x', differs: 0 }],
      columns_only_here: [],
    });
    await lab.here(
      "update serving.m set x = 'changed' where id = 2; drop table serving.m cascade; " +
        "create table serving.m as select 2 as id, 'c' as x",
    );
    const { ended, found } = await lab.diff('--copies', '--select', 'm');
    expect(ended.code).toBe(1);
    expect(found.sample).toEqual([
      { kind: 'only_here', key: { id: '1' }, changes: [] },
      { kind: 'differs', key: { id: '2' }, changes: [{ column: 'x', here: 'b', there: 'c' }] },
    ]);
    // A copy in files beside it is left out and named; alone it is nothing to compare.
    lab.project.write({
      'connections.yml':
        `${lab.project.read('connections.yml')}lake: {type: s3, endpoint: 'http://127.0.0.1:9', bucket: lake, ` +
        `access_key_id: a, secret_access_key: "{{ env_var('COPY_PASSWORD') }}"}\n`,
      'models/m.yml':
        'models: [{name: m, config: {meta: {tsdbt: {publish: [{to: lookup, table: m, key: id, columns: [id, x]}, ' +
        '{to: lake, path: marts/m}]}}}}]',
    });
    const both = await lab.diff('--copies', '--select', 'm');
    expect(both.ended.code).toBe(1);
    expect(both.ended.out).toContain('Not compared, since only copies in databases are: m.lake_marts_m');
    const files = await lab.project.run(['diff', '--copies', '--exclude', 'm.lookup_m']);
    expect([files.code, files.out]).toEqual([
      2,
      expect.stringContaining('m.lake_marts_m is stored in files; only copies'),
    ]);
    lab.project.remove('connections.yml');
    lab.project.write({ 'models/m.sql': 'select 1 as id' });
  });
});
