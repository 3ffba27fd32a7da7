// Tests that `plan` announces what a build with --reuse then does, on both databases, and writes nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

const FILES = {
  'models/sources.yml':
    'sources: [{name: raw, schema: raw, tables: [{name: events}]}]\nmodels:\n  - name: daily\n    columns: ' +
    '[{name: id, data_tests: [unique]}]\n  - name: top\n    columns: [{name: id, data_tests: [not_null]}]\n' +
    'unit_tests:\n  - {name: keeps, model: named, given: [{input: ref("countries"), rows: [{id: 1, name: a}]}], ' +
    'expect: {rows: [{id: 1, name: a}]}}\n',
  'seeds/countries.csv': 'id,name\n1,one\n2,two\n',
  'models/base.sql': "select id, amount from {{ source('raw', 'events') }}",
  'models/between.sql': "{{ config(materialized='ephemeral') }} select id, amount from {{ ref('base') }}",
  'models/daily.sql':
    "{{ config(materialized='table') }} select id, sum(amount) as total from {{ ref('between') }} group by id",
  'models/named.sql':
    "{{ config(materialized='table') }} select c.id as id, c.name as name from {{ ref('countries') }} c",
  'models/top.sql':
    "{{ config(materialized='table') }} select d.id as id, n.name as name from {{ ref('daily') }} d join {{ " +
    "ref('named') }} n on n.id = d.id",
  'models/seen.sql': "select id from {{ ref('top') }}",
};

interface Lab {
  run(args: readonly string[]): Promise<{ code: number | null; out: string }>;
  write(files: Readonly<Record<string, string>>): void;
  close(): Promise<unknown>;
}

/** @param withoutWrites fails if the work writes to the database */
function proves(
  open: () => Promise<Lab>,
  query: (lab: Lab, sql: string) => Promise<unknown>,
  withoutWrites: (lab: Lab, work: () => Promise<void>) => Promise<void>,
): void {
  let lab: Lab;
  let last = '';
  beforeAll(async () => {
    lab = await open();
  });
  afterAll(() => lab.close());

  /** Plans, builds, and compares. @returns the names of what runs and of what depends */
  const planned = async (...args: string[]): Promise<{ runs: string[]; depends: string[] }> => {
    let plan = '';
    await withoutWrites(lab, async () => {
      const { code, out } = await lab.run(['plan', ...args]);
      expect(code, out).toBe(0);
      plan = out;
    });
    const { code, out } = await lab.run(['build', '--reuse', '--explain', ...args]);
    expect(code, out).toBe(0);
    const all = (text: string, pattern: RegExp): string[] =>
      [...text.matchAll(pattern)]
        .map(([, name = '']) => name.replace(/^\w+\.faults\.(?:named\.)?|_id\.\w+$/g, ''))
        .sort();
    const runs = all(plan, /^\S* *runs (\S+) because/gm);
    const depends = all(plan, /^\S* *runs (\S+) if/gm);
    const reused = all(plan, /^\S* *reused (\S+)/gm);
    const ran = all(out, /^\S* *runs (\S+)/gm);
    last = `${plan}\n${out}`;
    expect(
      runs.filter((name) => !ran.includes(name)),
      last,
    ).toEqual([]);
    expect(
      reused.filter((name) => ran.includes(name)),
      last,
    ).toEqual([]);
    expect([...runs, ...depends, ...reused], last).toHaveLength(9);
    return { runs, depends };
  };

  it('announces what runs, what depends on data, and what is reused', async () => {
    expect((await planned()).runs).toHaveLength(9);
    expect(await planned()).toEqual({ runs: [], depends: [] });
    await query(lab, 'insert into raw.events values (3, 0)');
    expect(await planned()).toEqual({ runs: ['daily'], depends: ['not_null_top', 'seen', 'top', 'unique_daily'] });
    lab.write({ 'models/named.sql': `${FILES['models/named.sql']} where 1 = 1` });
    expect(await planned(), last).toEqual({ runs: ['keeps', 'named'], depends: ['not_null_top', 'seen', 'top'] });
    lab.write({ 'seeds/countries.csv': 'id,name\n1,one\n2,zwei\n' });
    expect((await planned()).runs, last).toEqual(['countries']);
    await query(lab, 'drop table s.named');
    expect((await planned()).runs).toEqual(['named']);
    expect((await planned('--full-refresh')).runs).toHaveLength(9);
  });

  it('prints the last duration and rows of what runs, and JSON', async () => {
    const { out } = await lab.run(['plan', '--full-refresh', '--select', 'named']);
    expect(out).toMatch(/runs model\.faults\.named because --full-refresh is set \(last time \d+\.\d\d s/);
    const json = await lab.run([
      '--quiet',
      'plan',
      '--output',
      'json',
      '--resource-type',
      'model',
      '--select',
      'named',
    ]);
    expect(JSON.parse(json.out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      unique_id: 'model.faults.named',
      decision: 'reused',
      reason: 'nothing that it depends on has changed',
      seconds: expect.any(Number),
    });
  });
}

describe('plan on Postgres', () => {
  const client = (lab: Lab): FaultProject['client'] => (lab as FaultProject).client;
  proves(
    async () => {
      const project = await FaultProject.open(FILES);
      await project.client.query(
        'create schema raw; create table raw.events (id int, amount int); insert into raw.events values (1, 1), (2, 2)',
      );
      return project;
    },
    (lab, sql) => client(lab).query(sql.replace(/^drop.*/, '$& cascade')),
    async (lab, work) => {
      const readOnly = (on: boolean): Promise<unknown> =>
        client(lab).query(`do $$ begin execute format('alter database %I set default_transaction_read_only = ${on}',
          current_database()); end $$`);
      await readOnly(true);
      await work();
      await client(lab).query('set default_transaction_read_only = off');
      await readOnly(false);
    },
  );
});

describe.skipIf(clickhouseMissing !== null)('plan on ClickHouse', () => {
  const rows = (lab: Lab, sql: string): Promise<unknown> => (lab as ClickhouseLab).rows(sql);
  const written = (lab: Lab): Promise<unknown> =>
    rows(
      lab,
      'select database, name, toString(uuid), total_rows from system.tables where database not in ' +
        "('system', 'information_schema', 'INFORMATION_SCHEMA') order by 1, 2",
    );
  proves(
    async () => {
      const lab = await ClickhouseLab.open(FILES);
      await lab.rows('create database raw');
      await lab.rows('create table raw.events (id Int32, amount Int32) engine = MergeTree order by id');
      await lab.rows('insert into raw.events values (1, 1), (2, 2)');
      return lab;
    },
    rows,
    async (lab, work) => {
      const before = await written(lab);
      await work();
      expect(await written(lab)).toEqual(before);
    },
  );
});
