// Tests audits before publishing on Postgres: what a test rejects is never visible, for every kind of build.
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditedNames, auditedProject } from './audited.ts';
import { FaultProject, pause } from './project.ts';

const NAMES = auditedNames('postgres');
/** Bad builds that a reader looks at; every second one is killed. */
const BUILDS = Number(process.env['TSDBT_AUDIT_BUILDS'] ?? 4);
let project: FaultProject;

beforeAll(async () => {
  project = await FaultProject.open(auditedProject('postgres'));
  await project.client.query(
    'create schema s; create table s.src as select i as id, 1 as v, now() as at ' + 'from generate_series(1, 10) i',
  );
});
afterAll(async () => {
  await project.close();
});

type Results = Record<string, { status: string; message: string | null; failures: number | null; code: string | null }>;

function results(): Results {
  const run = JSON.parse(project.read('target/run_results.json')) as {
    results: { unique_id: string; status: string; message: string; failures: number; compiled_code: string }[];
  };
  return Object.fromEntries(
    run.results.map(({ unique_id, status, message, failures, compiled_code: code }) => [
      unique_id.replace(/^(\w+)\.faults\.(\w+?)(\.\w{10})?$/, '$1.$2'),
      { status, message, failures, code },
    ]),
  );
}

const contents = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      NAMES.map(async (name) => [
        name,
        (await project.one(
          `select string_agg(id || ':' || coalesce(v::text, '-'), ' ' order by id, v) from s.${name}`,
        )) ?? '',
      ]),
    ),
  );

const GOOD_TEXT = Array.from({ length: 10 }, (_, i) => `${i + 1}:1`).join(' ');
const everywhere = (text: string): Record<string, string> => Object.fromEntries(NAMES.map((name) => [name, text]));

it('an audited build builds and tests as usual when nothing is wrong', async () => {
  const { code, out } = await project.run(['build']);
  expect(code, out).toBe(0);
  expect(await contents()).toEqual(everywhere(GOOD_TEXT));
  const found = results();
  for (const name of NAMES) {
    expect(found[`test.not_null_${name}_v`]).toMatchObject({ status: 'pass', failures: 0 });
    expect(found[`test.not_null_${name}_v`]?.code).toMatch(new RegExp(`"s"."${name}"`));
  }
  expect(found['test.few']).toMatchObject({ status: 'pass' });
  expect(found['test.with_child']).toMatchObject({ status: 'pass' });
});

it('an audited build publishes nothing if a test fails, and reports it for the node and each test', async () => {
  await project.client.query('insert into s.src values (11, null, now())');
  const { code, out } = await project.run(['build']);
  expect(code, out).toBe(1);
  // A view's rows are its source's: what stands there is the view of before.
  expect(await contents()).toEqual({ ...everywhere(GOOD_TEXT), looked: `${GOOD_TEXT} 11:-` });
  const found = results();
  for (const name of NAMES.filter((each) => each !== 'looked')) {
    const node = found[`${name === 'snapped' ? 'snapshot' : 'model'}.${name}`];
    expect(node?.status).toBe('error');
    if (name !== 'batched') expect(node?.message).toContain('The audit failed: 1 of');
    expect(found[`test.not_null_${name}_v`]).toMatchObject({ status: 'fail', failures: 1 });
    expect(found[`test.unique_${name}_id`]).toMatchObject({ status: 'pass' });
  }
  expect(found['model.below']).toMatchObject({ status: 'skipped' });
  expect(found['test.with_child']).toMatchObject({ status: 'skipped' });
  expect(await project.orphans()).toEqual([]);
});

it('an audited build is built and tested again by retry, including tests that had passed', async () => {
  expect((await project.run(['retry'])).code).toBe(1);
  expect(results()['test.unique_plain_id']).toMatchObject({ status: 'pass' });
  await project.client.query('update s.src set v = 2 where id = 11');
  const { code, out } = await project.run(['retry']);
  expect(code, out).toBe(0);
  expect(await contents()).toEqual(everywhere(`${GOOD_TEXT} 11:2`));
  expect(results()['model.below']).toMatchObject({ status: 'success' });
  expect(results()['test.unique_plain_id']).toMatchObject({ status: 'pass' });
});

it('an audited build continues with the other tests when one cannot be run', async () => {
  project.write({ 'tests/broken.sql': "select id from {{ ref('plain') }} where 1 / (id - id) = 1" });
  expect((await project.run(['build', '-s', 'plain'])).code).toBe(1);
  project.remove('tests/broken.sql');
  const found = results();
  expect(found['test.broken']).toMatchObject({ status: 'error', message: expect.stringContaining('division by zero') });
  expect(found['test.few']).toMatchObject({ status: 'pass' });
  expect(found['test.unique_plain_id']).toMatchObject({ status: 'pass' });
  expect(found['model.plain']?.message).toContain('(broken)');
});

it('an audited build retries a node whose audit lost its connection, and keeps the new results', async () => {
  await project.client.query('create sequence s.tries');
  const lost = "nextval('s.tries') = 1 and pg_terminate_backend(pg_backend_pid())";
  project.write({
    'models/again.sql':
      "{{ config(materialized='table', meta={'tsdbt': {'audit': true, 'retries': 1}}) }} select 1 as id",
    'tests/again_first.sql': "select id from {{ ref('again') }} where id is null",
    'tests/again_lost.sql': `select id from {{ ref('again') }} where ${lost}`,
    'tests/again_then.sql': "select id from {{ ref('again') }} where id > 1",
  });
  const { code, out } = await project.run(['build', '-s', 'again']);
  for (const path of ['models/again', 'tests/again_first', 'tests/again_lost', 'tests/again_then'])
    project.remove(`${path}.sql`);
  expect(code, out).toBe(0);
  expect(out).toContain('model.faults.again failed by what may pass');
  for (const test of ['first', 'lost', 'then'])
    expect(results()[`test.again_${test}`]).toMatchObject({ status: 'pass' });
});

it('an audited build is not blocked by a warning, or by a test that reads later nodes', async () => {
  project.write({ 'tests/warns.sql': "{{ config(severity='warn') }} select id from {{ ref('plain') }}" });
  const { code, out } = await project.run(['build', '-s', 'plain']);
  project.remove('tests/warns.sql');
  expect(code, out).toBe(0);
  expect(results()['test.warns']).toMatchObject({ status: 'warn', failures: 11 });
});

it('an audited build rejects what it cannot hold back, before it is built', async () => {
  project.write({
    'models/mv.sql': "{{ config(materialized='materialized_view', meta={'tsdbt': {'audit': true}}) }} select 1 as a",
  });
  project.write({ 'tests/of_mv.sql': "select a from {{ ref('mv') }} where a is null" });
  const { code, out } = await project.run(['build', '-s', 'mv']);
  project.remove('models/mv.sql');
  project.remove('tests/of_mv.sql');
  expect([code, out]).toEqual([
    1,
    expect.stringContaining("Found 'materialized_view', which publishes outside of the audit"),
  ]);
  expect(await project.one("select to_regclass('s.mv') is null")).toBe('true');
});

it('an audited build never shows the results of a bad build, whenever it is killed', async () => {
  // A view shows its source's rows, and its own build is held back by the test of its definition alone.
  const names = NAMES.filter((name) => name !== 'looked');
  const { host, port, user, password, database } = project.client;
  const reader = new pg.Client({ host, port, user, password: password ?? '', database: database ?? '' });
  await reader.connect();
  let done = false;
  let looks = 0;
  const seen = new Set<string>();
  const sql = names.map((name) => `(select count(*) filter (where v is null) || ' of ' || count(*) from s.${name})`);
  const reading = (async (): Promise<void> => {
    for (; !done; looks++) {
      const { rows } = await reader.query<unknown[]>({ text: `select ${sql.join(', ')}`, rowMode: 'array' });
      for (const value of rows[0] ?? []) seen.add(String(value));
      await pause(5);
    }
  })();
  await project.client.query('insert into s.src values (12, null, now())');
  let killed = 0;
  for (let build = 0; build < BUILDS; build++) {
    const running = project.start(['build', '--exclude', 'looked']);
    const timer =
      build % 2 === 0 ? undefined : setTimeout(() => running.child.kill('SIGKILL'), 300 + Math.random() * 1500);
    const { code, out } = await running.ended;
    clearTimeout(timer);
    if (code === null) killed++;
    else expect(code, out).toBe(1);
  }
  done = true;
  await reading;
  await reader.end();
  expect([...seen]).toEqual(['0 of 11']);
  expect(looks).toBeGreaterThan(BUILDS);
  if (BUILDS > 20) expect(killed).toBeGreaterThan(0);
  await project.client.query('update s.src set v = 3 where id = 12');
  const { code, out } = await project.run(['build']);
  expect(code, out).toBe(0);
  expect(await contents()).toEqual(everywhere(`${GOOD_TEXT} 11:2 12:3`));
  expect(await project.orphans()).toEqual([]);
}, 3_600_000);
