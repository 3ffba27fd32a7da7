// Tests audits before publishing on ClickHouse: what a test rejects is never visible, for every kind of build.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditedNames, auditedProject } from './audited.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';

const NAMES = auditedNames('clickhouse');
/** Bad builds that a reader looks at; every second one is killed. */
const BUILDS = Number(process.env['TSDBT_AUDIT_BUILDS'] ?? 4);
let lab: ClickhouseLab;

beforeAll(async () => {
  lab = await ClickhouseLab.open(auditedProject('clickhouse'));
  await lab.rows('create database s');
  await lab.rows(
    'create table s.src (id Int64, v Nullable(Int32), at DateTime) engine = MergeTree order by id as ' +
      'select number + 1, 1, now() from numbers(10)',
  );
});
afterAll(async () => {
  await lab.close();
});

type Results = Record<string, { status: string; message: string | null; failures: number | null; code: string | null }>;

function results(): Results {
  const run = JSON.parse(lab.read('target/run_results.json')) as {
    results: { unique_id: string; status: string; message: string; failures: number; compiled_code: string }[];
  };
  return Object.fromEntries(
    run.results.map(({ unique_id, status, message, failures, compiled_code: code }) => [
      unique_id.replace(/^(\w+)\.faults\.(\w+?)(\.\w{10})?$/, '$1.$2'),
      { status, message, failures, code },
    ]),
  );
}

const state = (name: string): string =>
  `select arrayStringConcat(arraySort(groupArray(concat(leftPad(toString(id), 2, '0'), ':', ` +
  `ifNull(toString(v), '-')))), ' ') from s.${name}`;

async function contents(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of NAMES) found[name] = String((await lab.rows(state(name)))[0]?.[0]);
  return found;
}

const GOOD = Array.from({ length: 10 }, (_, i) => `${String(i + 1).padStart(2, '0')}:1`).join(' ');
const everywhere = (text: string): Record<string, string> => Object.fromEntries(NAMES.map((name) => [name, text]));

it('an audited build on ClickHouse builds and tests as usual when nothing is wrong', async () => {
  const { code, out } = await lab.run(['build']);
  expect(code, out).toBe(0);
  expect(await contents()).toEqual(everywhere(GOOD));
  for (const name of NAMES)
    expect(results()[`test.not_null_${name}_v`]).toMatchObject({
      status: 'pass',
      code: expect.stringContaining(`\`s\`.\`${name}\``),
    });
  expect(await lab.orphans()).toEqual([]);
});

it('an audited build on ClickHouse publishes nothing if a test fails, and reports it for node and tests', async () => {
  await lab.rows('insert into s.src values (11, null, now())');
  const { code, out } = await lab.run(['build']);
  expect(code, out).toBe(1);
  expect(await contents()).toEqual({ ...everywhere(GOOD), looked: `${GOOD} 11:-` });
  const found = results();
  for (const name of NAMES.filter((each) => each !== 'looked')) {
    const node = found[`${name === 'snapped' ? 'snapshot' : 'model'}.${name}`];
    expect([name, node?.status]).toEqual([name, 'error']);
    if (name !== 'batched') expect(node?.message).toContain('The audit failed: 1 of');
    expect(found[`test.not_null_${name}_v`]).toMatchObject({ status: 'fail', failures: 1 });
    expect(found[`test.unique_${name}_id`]).toMatchObject({ status: 'pass' });
  }
  expect(found['model.below']).toMatchObject({ status: 'skipped' });
  expect(await lab.orphans()).toEqual([]);
});

it('an audited build on ClickHouse is published by retry after a repair', async () => {
  await lab.rows('alter table s.src delete where id = 11 settings mutations_sync = 2');
  await lab.rows('insert into s.src values (11, 2, now())');
  const { code, out } = await lab.run(['retry']);
  expect(code, out).toBe(0);
  expect(await contents()).toEqual(everywhere(`${GOOD} 11:2`));
  expect(results()['test.unique_plain_id']).toMatchObject({ status: 'pass' });
  expect(await lab.orphans()).toEqual([]);
});

it('an audited build on ClickHouse tests a new view under another name', async () => {
  lab.write({
    'models/looked.sql':
      "{{ config(materialized='view') }} select id, if(id = 1, null, v) as v, at from {{ source('raw', 'src') }}",
  });
  const { code, out } = await lab.run(['build', '-s', 'looked']);
  expect(code, out).toBe(1);
  expect((await contents())['looked']).toBe(`${GOOD} 11:2`);
  expect(await lab.orphans()).toEqual([]);
});

it('an audited build on ClickHouse rejects what would be written to the table itself', async () => {
  await lab.rows('create table s.copied (id Int64) engine = MergeTree order by id');
  await lab.rows('create materialized view s.copies to s.copied as select id from s.appended');
  await lab.rows('insert into s.src values (12, 1, now())');
  const { code, out } = await lab.run(['build', '-s', 'appended']);
  expect([code, out]).toEqual([1, expect.stringContaining('cannot be audited before it is changed')]);
  expect((await contents())['appended']).toBe(`${GOOD} 11:2`);
});

it('an audited build on ClickHouse rejects a snapshot whose columns change first', async () => {
  const file = 'snapshots/snapped.yml';
  const before = lab.read(file);
  const described = "select name, type from system.columns where database = 's' and table = 'snapped'";
  const columns = await lab.rows(described);
  lab.write({
    [file]: before.replace(`"source('raw', 'src')"`, `"ref('wider')"`),
    'models/wider.sql': "{{ config(materialized='view') }} select *, 1 as more from {{ source('raw', 'src') }}",
  });
  const { code, out } = await lab.run(['build', '-s', 'wider', 'snapped']);
  lab.write({ [file]: before });
  rmSync(join(lab.dir, 'models/wider.sql'));
  expect([code, out]).toEqual([1, expect.stringContaining('its columns change first (more)')]);
  expect(await lab.rows(described)).toEqual(columns);
});

it("an audited build on ClickHouse rejects a project's own macro that publishes", async () => {
  lab.write({
    'macros/own.sql':
      '{% macro clickhouse__publish(staged, target) %}{% do exchange_tables_atomic(staged, target) %}{% endmacro %}',
  });
  const { code, out } = await lab.run(['build', '-s', 'plain']);
  rmSync(join(lab.dir, 'macros/own.sql'));
  expect([code, out]).toEqual([1, expect.stringContaining('overrides the macro clickhouse__publish')]);
});

it('an audited build on ClickHouse never shows the results of a bad build, whenever it is killed', async () => {
  await lab.rows('drop table s.copies');
  await lab.rows('alter table s.src delete where id >= 12 settings mutations_sync = 2');
  await lab.rows('insert into s.src values (12, null, now())');
  const names = NAMES.filter((name) => name !== 'looked');
  const look = names.map(
    (name) => `(select concat(toString(countIf(v is null)), ' of ', toString(count())) from s.${name})`,
  );
  let killed = 0;
  const [, { looks, states }] = await lab.watch(`select arrayDistinct([${look.join(', ')}])`, async () => {
    for (let build = 0; build < BUILDS; build++) {
      const killAfter = build % 2 === 0 ? {} : { killAfter: 500 + Math.random() * 3000 };
      const ended = await lab.run(['build', '--exclude', 'looked'], { beside: true, ...killAfter });
      if (ended.killed) killed++;
      else expect(ended.code, ended.out).toBe(1);
    }
  });
  expect([...states]).toEqual([JSON.stringify([[['0 of 11']]])]);
  expect(looks).toBeGreaterThan(BUILDS);
  if (BUILDS > 20) expect(killed).toBeGreaterThan(0);
  await lab.rows('alter table s.src delete where id = 12 settings mutations_sync = 2');
  await lab.rows('insert into s.src values (12, 3, now())');
  const { code, out } = await lab.run(['build', '--exclude', 'looked']);
  expect(code, out).toBe(0);
  const found = await contents();
  for (const name of names) expect([name, found[name]]).toEqual([name, `${GOOD} 11:2 12:3`]);
  expect(await lab.orphans()).toEqual([]);
}, 3_600_000);
