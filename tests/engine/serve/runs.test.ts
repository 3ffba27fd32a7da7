// Tests `runs` and `runs show`: the history of a job, as lines and as JSON, from both databases.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import { createAdapter } from '../../../src/adapters/index.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { runDetail } from '../../../src/serve/run-detail.ts';
import { MemoryStore } from './memory-store.ts';
import { createStore } from '../../../src/serve/store/create-store.ts';
import type { Claim, NodeRun, RunEnd, Store } from '../../../src/serve/store/serve-store.ts';
import { SERVERS } from '../adapters/servers.ts';
import { clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';
import { run } from '../support/program.ts';

const DUE = Date.UTC(2027, 2, 28, 1, 5);

function node(runId: string, name: string, more: Partial<NodeRun> = {}): NodeRun {
  return {
    runId,
    uniqueId: `model.p.${name}`,
    status: 'success',
    thread: 'Thread-1',
    startedAt: DUE,
    seconds: 1.5,
    rows: 3,
    readRows: null,
    readBytes: null,
    failures: null,
    message: null,
    checksum: `${name} 1`,
    ...more,
  };
}

/** A run of job `fast` from its claim to its end. */
async function played(
  store: Store,
  [due, attempt]: readonly [number, number],
  nodes: (runId: string) => readonly NodeRun[],
  end: RunEnd,
): Promise<Claim> {
  const claim = await store.claim('fast', DUE + due, attempt, 'host a');
  if (claim === null) throw new Error('no claim');
  await store.record(nodes(claim.runId), []);
  await store.finish(claim, end);
  await new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
  return claim;
}

/** A successful run whose first attempt had failed, then a failed one of a changed project. */
async function history(store: Store): Promise<{ first: Claim; good: Claim; bad: Claim }> {
  const first = await played(store, [0, 1], (id) => [node(id, 'a'), node(id, 'gone'), node(id, 'b')], {
    state: 'failed',
    reason: 'deadlock',
    project: 'old',
  });
  const good = await played(store, [0, 2], (id) => [node(id, 'b', { checksum: 'b 2' })], {
    state: 'success',
    reason: null,
    project: 'old',
  });
  const bad = await played(
    store,
    [300_000, 1],
    (id) => [
      node(id, 'a', { checksum: 'a 2', status: 'error', message: 'Database Error\ncolumn x', startedAt: DUE + 2000 }),
      node(id, 'b', { checksum: 'b 2' }),
      node(id, 'new', { status: 'fail', failures: 7 }),
    ],
    { state: 'failed', reason: '2 of 3 nodes failed', project: 'c0ffee' },
  );
  return { first, good, bad };
}

describe('the details of a run', () => {
  let now = DUE;
  const create = () => new MemoryStore({ now: () => ++now });

  it('are compared with all attempts at the last successful due time', async () => {
    const store = create();
    const { good, bad } = await history(store);
    const { failed, changes } = await runDetail(store, bad.runId);
    expect(failed.map(({ uniqueId }) => uniqueId)).toEqual(['model.p.new', 'model.p.a']);
    expect(changes).toMatchObject({
      good: { runId: good.runId },
      project: { before: 'old', now: 'c0ffee' },
      changed: ['model.p.a'],
      added: ['model.p.new'],
      removed: ['model.p.gone'],
    });
  });

  it('have no changes before the first successful run, and never list an unreached node as removed', async () => {
    const store = create();
    const { first, good } = await history(store);
    expect((await runDetail(store, first.runId)).changes).toBeNull();
    expect((await runDetail(store, good.runId)).changes).toBeNull();
    const cut = await played(store, [600_000, 1], (id) => [node(id, 'b')], { state: 'timeout', reason: null });
    expect((await runDetail(store, cut.runId)).changes).toMatchObject({ project: null, removed: [] });
  });

  it('need one matching run', async () => {
    let id = 0;
    const store = new MemoryStore({ now: () => ++now, newId: () => `run ${++id}` });
    await history(store);
    expect((await runDetail(store, 'run 2')).run.runId).toBe('run 2');
    for (const [asked, said] of [
      ['run', /More than one run begins with 'run'/],
      ['no', /No run 'no' is in the history/],
      ['', /No run '' is in the history/],
    ] as const)
      await expect(runDetail(store, asked)).rejects.toThrow(said);
  });
});

const DATABASES = [
  {
    type: 'postgres',
    missing: null,
    async open() {
      const { credentials, close } = await SERVERS.at(-1)!.open();
      return { credentials, close };
    },
  },
  {
    type: 'clickhouse',
    missing: clickhouseMissing,
    open: async () => ({
      credentials: { type: 'clickhouse', path: clickhouseFolder(), schema: 'serve_runs' },
      close: async () => undefined,
    }),
  },
];

describe.each(DATABASES)('tsdbt runs on $type', ({ missing, open }) => {
  let dir: string;
  let adapter: Adapter;
  let close: () => Promise<void>;
  let played: Awaited<ReturnType<typeof history>>;
  beforeAll(async () => {
    if (missing !== null) return;
    const server = await open();
    ({ close } = server);
    dir = mkdtempSync(join(tmpdir(), 'tsdbt-runs-'));
    writeFileSync(join(dir, 'dbt_project.yml'), 'name: p\nprofile: p\n');
    const output = { threads: 2, ...server.credentials };
    writeFileSync(join(dir, 'profiles.yml'), JSON.stringify({ p: { target: 't', outputs: { t: output } } }));
    const credentials = { database: '', ...server.credentials } as unknown as Credentials;
    const profile = { profile_name: 'p', target_name: 't', threads: 2, profiles_dir: null, credentials };
    adapter = await createAdapter(profile, { quoting: {}, projectDir: dir, env: {} });
    const store = createStore(adapter);
    await store.open();
    played = await history(store);
    await store.leaveOut([{ job: 'slow', why: 'still_running', first: DUE + 300_000, last: DUE + 600_000, count: 2 }]);
  });
  afterAll(async () => {
    if (missing !== null) return;
    await adapter.close();
    await close();
    rmSync(dir, { recursive: true, force: true });
  });
  const tsdbt = (...args: string[]) => run(['--no-use-colors', '-q', ...args], { cwd: dir });

  it.skipIf(missing !== null)('lists the newest runs, filtered', async () => {
    const { code, stdout } = await tsdbt('runs', '--job', 'fast', '--limit', '2');
    expect(code).toBe(0);
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^RUN +JOB +DUE \(UTC\) +TRY +STATE +SECONDS +HOST +REASON$/);
    expect(
      rows.map((row) =>
        row
          .replace(/\d+\.\d+ +host/, 'N host')
          .split(/ {2,}/)
          .join('|'),
      ),
    ).toEqual([
      `${played.bad.runId.slice(0, 8)}|fast|2027-03-28 01:10:00|1|failed|N host a|2 of 3 nodes failed`,
      `${played.good.runId.slice(0, 8)}|fast|2027-03-28 01:05:00|2|success|N host a`,
    ]);
    const skipped = await tsdbt('runs', '--status', 'skipped');
    expect(
      skipped.stdout
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((row) => row.split(/ {2,}/).join('|'))
        // The server is shared: another test may run serve on it.
        .filter((row) => !row.includes('|serve_')),
    ).toEqual(['-|slow|2027-03-28 01:15:00|-|skipped|-|-|2 due times: the run before went on']);
    expect((await tsdbt('runs', '--limit', '1', '--job', 'slow')).stdout).toMatch(/^- +slow /m);
    const left = JSON.parse((await tsdbt('runs', '--job', 'slow', '--output', 'json')).stdout);
    expect([left.runs, left.left_out]).toEqual([
      [],
      [
        {
          job: 'slow',
          why: 'still_running',
          first_due_at: '2027-03-28T01:10:00.000Z',
          last_due_at: '2027-03-28T01:15:00.000Z',
          due_times: 2,
        },
      ],
    ]);
    expect((await tsdbt('runs', '--job', 'other')).stdout).toContain('No such runs are in the history.');
    const json = await tsdbt('runs', '--job', 'fast', '--status', 'success', '--output', 'json');
    expect(JSON.parse(json.stdout).runs).toMatchObject([
      { run_id: played.good.runId, job: 'fast', due_at: '2027-03-28T01:05:00.000Z', state: 'success', project: 'old' },
    ]);
  });

  it.skipIf(missing !== null)('shows a run, its failure and what had changed', async () => {
    const { code, stdout } = await tsdbt('runs', 'show', played.bad.runId.slice(0, 13));
    expect(code).toBe(0);
    expect(stdout).toContain(`Run ${played.bad.runId} of job fast, try 1: failed`);
    expect(stdout).toContain('Reason: 2 of 3 nodes failed');
    expect(stdout).toMatch(/model\.p\.a +error +Thread-1 +[\d.]+ +1\.50 +3\n/);
    expect(stdout).toContain('  model.p.a: Database Error\n');
    expect(stdout).toContain('  model.p.new: 7 failing rows\n');
    expect(stdout).toContain(`Since the last good run (${played.good.runId.slice(0, 8)}, `);
    expect(stdout).toContain('  project: old then, c0ffee now\n  changed: model.p.a\n  new: model.p.new\n');
    expect(stdout).toContain('  not run: model.p.gone');
    const json = JSON.parse((await tsdbt('runs', 'show', played.bad.runId, '--output', 'json')).stdout);
    expect(json).toMatchObject({
      run: { run_id: played.bad.runId, state: 'failed', reason: '2 of 3 nodes failed' },
      failed: ['model.p.new', 'model.p.a'],
      since_last_good: { run_id: played.good.runId, changed: ['model.p.a'] },
    });
    expect(json.nodes.length).toBe(3);
  });

  it.skipIf(missing !== null)('explains an invalid request', async () => {
    for (const [args, said] of [
      [['runs', 'show'], "Missing argument 'ID'."],
      [['runs', 'shw', 'x'], "'shw' is not one of 'show'"],
      [['runs', 'show', 'nothing'], "No run 'nothing' is in the history."],
      [['runs', '--status', 'lots'], "'lots' is not one of"],
      [['runs', '--limit', '0'], "Invalid value for '--limit': 0 is not a positive number."],
    ] as const) {
      const { code, out } = await tsdbt(...args);
      expect([code, out]).toEqual([2, expect.stringContaining(said)]);
      expect(out).not.toMatch(/\n\s+at /);
    }
  });

  it.skipIf(missing !== null)('escapes control characters, which another user may have written', async () => {
    const store = createStore(adapter);
    const claim = await store.claim('other', DUE, 1, 'h\u001b[2J');
    if (claim === null) throw new Error('no claim');
    await store.finish(claim, { state: 'failed', reason: 'bad \u001b]0;title\u0007' });
    for (const args of [
      ['--job', 'other'],
      ['show', claim.runId],
    ]) {
      const { out } = await tsdbt('runs', ...args);
      expect(out).toContain('bad \\x1b]0;title\\x07');
      expect(out).not.toContain('\u001b');
    }
  });
});
