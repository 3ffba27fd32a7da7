// Tests a job with a hanging statement at its timeout: the server has cancelled it, nothing is left open, and the retry
// after an edit succeeds. Covers a model, hooks and docs, on Postgres and on ClickHouse, with `tsdbt serve` as a
// process.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject, pause } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Running, start } from '../support/program.ts';

const hang = (sql: string): string => `{% macro hang() %}${sql}{% endmacro %}`;

/** @param config of a model whose SELECT hangs */
const files = (config: string): Record<string, string> => ({
  'models/hung.sql': `{{ config(materialized='table'${config}) }} {{ hang() }}`,
  'models/told.sql': `{% if execute and var('docs', false) %}{% do run_query(hang()) %}{% endif %} select 1 as id`,
  'macros/start.sql': `{% macro start() %}{% if execute and var('hook', false) %}{{ hang() }}{% endif %}{% endmacro %}`,
  'macros/end.sql': `{% macro end() %}{% if execute and var('end', false) %}{{ hang() }}{% endif %}{% endmacro %}`,
  'dbt_project.yml': `name: faults
version: "1.0"
profile: faults
flags: {send_anonymous_usage_stats: false}
on-run-start: "{{ start() }}"
on-run-end: "{{ end() }}"
`,
  'jobs.yml': `defaults: { timeout: 2s, retries: { times: 20, backoff: 4s } }
jobs:
  model: { run: hung }
  hook: { run: told, vars: { hook: true } }
  end: { run: told, vars: { end: true } }
  docs: { docs generate: , vars: { docs: true } }
`,
});

interface Place {
  readonly edit: (macro: string) => void;
  readonly serve: () => Running;
  readonly ask: (job: string) => Promise<unknown>;
  readonly one: (sql: string) => Promise<string>;
  readonly close: () => Promise<void>;
  /** SQL that runs for ten minutes, and SQL that counts its running statements. */
  readonly hung: string;
  readonly running: string;
  /** SQL that returns state and reason of a job's attempts, in one text. */
  readonly told: (job: string) => string;
  /** Counts other connections that are active or in a transaction; null: the server has none. */
  readonly busy: string | null;
}

async function postgres(): Promise<Place> {
  const project = await FaultProject.open({});
  project.write(files(''));
  const others = `from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  return {
    edit: (macro) => project.write({ 'macros/hang.sql': hang(macro) }),
    serve: () => project.start(['serve', '--port', '0']),
    ask: (job) => project.run(['jobs', 'run', job], 'asks'),
    one: async (sql) => String(await project.one(sql)),
    close: () => project.close(),
    hung: 'select pg_sleep(600)::text as id',
    running: `select count(*) ${others} and query ~ 'pg_sleep\\(600' and state <> 'idle'`,
    busy: `select count(*) ${others} and (state like 'idle in transaction%' or query ~ 'pg_sleep')`,
    told: (job) =>
      `select coalesce(string_agg(state || ': ' || coalesce(reason, ''), ', ' order by attempt), '') from ` +
      `tsdbt.job_runs where job = '${job}' and state <> 'running'`,
  };
}

async function clickhouse(): Promise<Place> {
  const lab = await ClickhouseLab.open({});
  const { profile, ...rest } = {
    profile: lab.read('profiles.yml'),
    ...files(", query_settings={'max_block_size': 1}"),
  };
  lab.write({ ...rest, 'profiles.yml': profile });
  const text = async (sql: string): Promise<string> => String((await lab.rows(sql))[0]?.[0]);
  return {
    edit: (macro) => lab.write({ 'macros/hang.sql': hang(macro) }),
    serve: () =>
      start(['serve', '--port', '0', '--no-use-colors'], {
        cwd: lab.dir,
        env: { ...process.env, DBT_PROFILES_DIR: lab.dir },
      }),
    ask: (job) => lab.run(['jobs', 'run', job], { target: 'asks' }),
    one: text,
    close: () => lab.close(),
    hung: 'select sleepEachRow(0.5) as id from numbers(1200) settings max_block_size = 1',
    running:
      "select count() from system.processes where query like '%sleepEachRow(0.5%' and query not like '%system.pr%'",
    busy: null,
    told: (job) =>
      `select arrayStringConcat(groupArray(concat(state, ': ', ifNull(reason, ''))), ', ') from (select e.state as ` +
      `state, e.reason as reason from tsdbt.job_ends e join tsdbt.job_claims c on c.run_id = e.run_id where c.job = ` +
      `'${job}' order by c.attempt)`,
  };
}

for (const [name, open, missing] of [
  ['Postgres', postgres, null],
  ['ClickHouse', clickhouse, clickhouseMissing],
] as const)
  describe.skipIf(missing !== null)(`a hanging statement on ${name}`, () => {
    let place: Place;
    let serve: Running;
    beforeAll(async () => {
      place = await open();
      place.edit(place.hung);
      serve = place.serve();
      await until(async () => serve.out().includes(' jobs of '));
    });
    afterAll(async () => {
      if (serve.child.exitCode === null) serve.child.kill('SIGKILL');
      await serve.ended;
      await place.close();
    });

    /** Polls until it is true, or serve has ended. */
    async function until(asked: () => Promise<boolean>): Promise<void> {
      for (const end = Date.now() + 200_000; Date.now() < end; await pause(30)) {
        if (serve.child.exitCode !== null) break;
        if (await asked().catch(() => false)) return;
      }
      throw new Error(`never\n${serve.out()}`);
    }

    for (const job of ['model', 'hook', 'end', 'docs'])
      it(`is gone from the server after the timeout of a job: ${job}`, async () => {
        place.edit(place.hung);
        await place.ask(job);
        await until(async () => (await place.one(place.running)) !== '0');
        // On a busy machine, earlier tries may have ended before they reached their statement.
        const before = await place.one(place.told(job));
        await until(async () => (await place.one(place.told(job))) !== before);
        expect(await place.one(place.running), serve.out()).toBe('0');
        // Serve itself is sometimes in a transaction.
        const { busy } = place;
        if (busy !== null) await until(async () => (await place.one(busy)) === '0');
        const first = await place.one(place.told(job));
        place.edit('select 1 as id');
        expect(first).toMatch(/^timeout: it took longer than 2 s/);
        await until(async () => (await place.one(place.told(job))).includes('success'));
        expect(await place.one(place.running)).toBe('0');
      });

    it('leaves nothing when serve ends', async () => {
      serve.child.kill('SIGTERM');
      expect((await serve.ended).code).toBe(0);
      if (place.busy !== null) expect(await place.one(place.busy.replace(/ and \(state.*$/, ''))).toBe('0');
    });
  });
