// Tests `tsdbt sla` on both databases: objectives of rows are measured without a running serve, those of runs come from
// its history, and the exit code reports a broken one.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnyProject, PROJECT_DATABASES } from '../support/any-project.ts';
import { createStore } from '../../../src/serve/store/create-store.ts';

const SCHEMA = `sla_${process.pid}`;
/** Other test files may keep jobs on the same server. */
const JOB = `fast_${process.pid}`;
const DIALECTS: readonly { readonly type: keyof typeof PROJECT_DATABASES; ago(minutes: number): string }[] = [
  {
    type: 'postgres',
    ago: (minutes: number) => `now() - interval '${minutes} minutes'`,
  },
  {
    type: 'clickhouse',
    ago: (minutes: number) => `now() - interval ${minutes} minute`,
  },
];

describe.each(DIALECTS)('sla on $type', ({ type, ago }) => {
  const { missing } = PROJECT_DATABASES[type];
  let project: AnyProject;
  const write: AnyProject['write'] = (files) => project.write(files);
  const tsdbt: AnyProject['tsdbt'] = (...args) => project.tsdbt(...args);
  /** Promises of models by name, with the whole of their `sla`. */
  const promise = (slas: Readonly<Record<string, string>>): void =>
    write({
      'models/a.yml': `models:\n${Object.entries(slas)
        .map(([name, sla]) => `  - name: ${name}\n    config:\n      meta:\n        tsdbt:\n          sla: ${sla}\n`)
        .join('')}`,
    });
  /** Without numbers that grow while the test runs. */
  const found = async (...args: string[]): Promise<[number | null, string[][]]> => {
    const { code, out } = await tsdbt('sla', '--output', 'json', ...args);
    const document = JSON.parse(out) as {
      ok: boolean;
      promises: { subject: { name: string }; kind: string; state: string; reason: string }[];
    };
    expect(document.ok).toBe(code === 0);
    return [
      code,
      document.promises.map(({ subject, kind, state, reason }) => [
        subject.name,
        kind,
        state,
        reason.replace(/^\d+m(\d+s)?(?= old)/, '…'),
      ]),
    ];
  };

  beforeAll(async () => {
    if (missing !== null) return;
    project = await AnyProject.open(PROJECT_DATABASES[type], SCHEMA, {
      'models/fresh.sql': `select ${ago(3)} as at`,
      'models/stale.sql': `select ${ago(30)} as at, 1 as kind union all select ${ago(3)}, 2`,
      'models/empty.sql': `select ${ago(3)} as at where 1 = 0`,
      'models/plain.sql': 'select 1 as id',
    });
  });
  afterAll(() => project?.close());
  const test = it.skipIf(missing !== null);

  test('measures freshness without a running serve', async () => {
    promise({
      fresh: '{freshness: {max: 15m, field: at}}',
      stale: '{freshness: {max: 15m, field: at, filter: kind = 1}}',
      plain: '{freshness: {max: 15m, field: no_such_column}}',
    });
    const [code, promises] = await found();
    expect([code, promises.map((each) => each.slice(0, 3))]).toEqual([
      1,
      [
        ['model fresh', 'freshness', 'kept'],
        ['model plain', 'freshness', 'unknown'],
        ['model stale', 'freshness', 'broken'],
      ],
    ]);
    expect(promises[1]![3]).toContain('no_such_column');
    expect(promises[2]![3]).toBe('… old, expected at most 15m');
    // A selection says whose promises count; what is unknown is not broken.
    expect((await found('--select', 'fresh', 'plain'))[0]).toBe(0);
    const { code: lines, out } = await tsdbt('sla', '--select', 'stale');
    expect([lines, out]).toEqual([1, expect.stringMatching(/broken {2}model stale {2}freshness {2}<= 15m {2}3\dm/)]);
    expect(out).toContain('1 broken, 0 kept, 0 unknown');
  });

  test('uses the loaded_at_field of a source, and an empty table breaks its objective', async () => {
    promise({});
    const tables = ['fresh', 'empty'].map(
      (name) => `{name: ${name}, loaded_at_field: at, meta: {tsdbt: {sla: {freshness: 15m}}}}`,
    );
    write({
      'models/a.yml': '',
      'models/raw.yml': `sources: [{name: raw, schema: ${SCHEMA}, tables: [${tables.join(', ')}]}]\n`,
    });
    const [code, promises] = await found();
    expect(code).toBe(1);
    expect(promises.sort()).toEqual([
      ['source raw.empty', 'freshness', 'broken', 'has no rows, expected at most 15m old'],
      ['source raw.fresh', 'freshness', 'kept', '… old'],
    ]);
    rmSync(join(project.dir, 'models/raw.yml'));
  });

  test('reports errors with file, line and suggestion', async () => {
    promise({ fresh: '{freshnes: 15m}' });
    for (const command of ['sla', 'parse']) {
      const { code, out } = await tsdbt(command);
      expect(code, out).toBe(2);
      expect(out).toContain("unknown key 'meta.tsdbt.sla.freshnes' of model.p.fresh");
      expect(out).toContain('models/a.yml line 6, column 17');
      expect(out).toContain("did you mean 'freshness'?");
    }
    promise({});
    write({ 'models/a.yml': '', 'jobs.yml': 'jobs:\n  fast: {every: 5m, build: fresh, sla: {lates: 1m}}\n' });
    const { code, out } = await tsdbt('sla');
    expect([code, out]).toEqual([2, expect.stringContaining("sla of job 'fast': unknown key 'lates'")]);
    rmSync(join(project.dir, 'jobs.yml'));
  });

  test('reports that no objective is defined', async () => {
    const { code, out } = await tsdbt('sla');
    expect([code, out]).toEqual([0, expect.stringContaining('No SLAs')]);
  });

  test('uses the runs that serve has recorded', async () => {
    promise({ fresh: '{success: 60%, duration: 1m}' });
    // What sends nothing needs no secrets.
    const alerts = "alerts: {hook: {webhook: 'http://x', secret: \"{{ env_var('DBT_ENV_SECRET_NOT_SET') }}\"}}\n";
    const jobs = `jobs:\n  ${JOB}: {every: 5m, build: fresh, retries: {times: 0}, sla: {success: 40%}}\n`;
    write({ 'jobs.yml': alerts + jobs });
    const [before, unknown] = await found();
    expect([before, new Set(unknown.map(([, , state]) => state))]).toEqual([0, new Set(['unknown'])]);
    if (type === 'postgres') expect((await tsdbt('sla')).out).toContain('No run is known: serve keeps no history here');

    const store = createStore(project.adapter);
    await store.open();
    const base = await store.now();
    for (const [i, state] of (['success', 'failed'] as const).entries()) {
      const claim = await store.claim(JOB, base - (2 - i) * 300_000, 1, 'h');
      await store.finish(claim!, { state, reason: state === 'failed' ? 'no disk' : null });
      await store.record(
        [
          {
            runId: claim!.runId,
            uniqueId: 'model.p.fresh',
            status: state === 'failed' ? 'error' : 'success',
            thread: 't',
            startedAt: base - 5000,
            seconds: 2,
            rows: null,
            readRows: null,
            readBytes: null,
            failures: null,
            message: state === 'failed' ? 'no disk' : null,
            checksum: null,
          },
        ],
        [],
      );
    }
    await store.openIncident(`job:${JOB}:failed`, 'no disk');
    await store.close();
    const [code, promises] = await found();
    expect(code).toBe(1);
    expect(promises.filter(([, kind]) => kind !== 'late')).toEqual([
      ['model fresh', 'success', 'broken', '50% of 2 runs within 7d succeeded, expected 60%; last failure: no disk'],
      ['model fresh', 'duration', 'kept', 'took 2s'],
      [`job ${JOB}`, 'failed', 'broken', 'no disk'],
      [`job ${JOB}`, 'success', 'kept', '50% of 2 runs within 7d succeeded'],
    ]);
    expect((await tsdbt('sla')).out).toMatch(/broken {2}job fast_\d+ +no failure .* no disk \(incident since 20/);
    rmSync(join(project.dir, 'jobs.yml'));
  });
});
