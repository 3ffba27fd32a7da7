// The sample project of this repository on both databases: the same marts, and on ClickHouse a duplicate that counts
// once.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { toText } from '../../../src/values/text.ts';
import { FaultProject } from '../faults/project.ts';
import { panelsOf } from '../monitoring/dashboards.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const MARTS = { mart_session_metrics: 510, user_sessions: 538, sessions_daily: 332 };
let project: FaultProject;
let clickhouse: ClickHouseAdapter | undefined;

beforeAll(async () => {
  project = await FaultProject.open({});
  for (const name of ['analyses', 'dbt_project.yml', 'macros', 'models', 'seeds', 'snapshots', 'tests/generic'])
    cpSync(join(root, name), join(project.dir, name), { recursive: true });
  for (const name of ['mart_holds_every_session', 'no_null_users', 'session_count_is_usual'])
    cpSync(join(root, `tests/${name}.sql`), join(project.dir, `tests/${name}.sql`));
  const postgres = readFileSync(join(project.dir, 'profiles.yml'), 'utf8').replace(/^faults: /, 'session_analytics: ');
  writeFileSync(
    join(project.dir, 'profiles.yml'),
    postgres.replace(
      /\}\}\}\s*$/,
      `}, clickhouse: {type: clickhouse, path: "${resolve(clickhouseFolder())}", schema: analytics, threads: 4}}}\n`,
    ),
  );
  if (clickhouseMissing === null) clickhouse = clickhouseAdapter('analytics');
});
afterAll(async () => {
  await clickhouse?.close();
  await project.close();
});

async function rows(target: string, model: string): Promise<unknown[]> {
  const { code, out } = await project.run([
    'show',
    '--target',
    target,
    '--quiet',
    '--output',
    'json',
    '--limit',
    '-1',
    '--inline',
    `select * from {{ ref('${model}') }} order by 1`,
  ]);
  expect(code, out).toBe(0);
  return (JSON.parse(out) as { show: unknown[] }).show;
}

/** Asks each panel of the dashboard of one database, as Grafana would. */
async function askPanels(target: string, database: 'postgres' | 'clickhouse'): Promise<void> {
  const panels = panelsOf(database);
  expect(panels.length).toBeGreaterThan(5);
  for (const [title, sql] of panels) {
    const { code, out } = await project.run([
      ...['show', '--target', target, '--quiet', '--output', 'json', '--limit', '-1', '--inline', sql],
    ]);
    expect(code, `${title}: ${out}`).toBe(0);
    expect((JSON.parse(out) as { show: unknown[] }).show.length, title).toBeGreaterThan(0);
  }
}

async function build(target: string): Promise<void> {
  const { code, out } = await project.run(['build', '--target', target]);
  expect(code, out).toBe(0);
  expect(out).toMatch(/ERROR=0 SKIP=0/);
}

async function ask(sql: string): Promise<string[][]> {
  const session = clickhouse!.session({ name: 'test' });
  const { table } = await session.execute(sql, { fetch: true });
  await session.release();
  return table.rows.map((row) => row.values.map((value) => toText(value)));
}

it.skipIf(clickhouseMissing !== null)(
  `the sample returns the same on ClickHouse${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  async () => {
    await build('dev');
    await build('clickhouse');
    for (const [model, count] of Object.entries(MARTS)) {
      const there = await rows('dev', model);
      expect(there.length, model).toBe(count);
      expect(await rows('clickhouse', model), model).toEqual(there);
    }
    await askPanels('dev', 'postgres');
    await askPanels('clickhouse', 'clickhouse');
  },
);

it.skipIf(clickhouseMissing !== null)(
  'the sample project counts an event that is delivered twice once, in staging and in the rollup',
  async () => {
    const before = Number((await ask('select uniqExact(event_id) from raw.session_events'))[0]![0]);
    await ask(
      'insert into raw.session_events select * replace (processing_ts + interval 1 minute as processing_ts) ' +
        'from raw.session_events order by event_id limit 10',
    );
    await ask(
      "insert into raw.session_events select * replace ('late' as event_id) from raw.session_events order by " +
        'event_id limit 1',
    );
    const { code, out } = await project.run([
      'run',
      '--target',
      'clickhouse',
      '--select',
      'events',
      'stg_events',
      'stg_sessions',
    ]);
    expect(code, out).toBe(0);
    const all = (await ask('select count(), uniqExact(event_id) from events.events'))[0];
    expect(all).toEqual([
      String(Number((await ask('select count() from raw.session_events'))[0]![0])),
      String(before + 1),
    ]);
    expect(await ask('select count() from events.stg_events final')).toEqual([[String(before + 1)]]);
    expect(
      await ask(
        'select sum(n) from (select uniqExactMerge(events) as n from events.events_daily group by day, event_name)',
      ),
    ).toEqual([[String(before + 1)]]);
    expect(await ask('select count() from staging.stg_sessions')).toEqual([[String(before + 1)]]);
  },
);
