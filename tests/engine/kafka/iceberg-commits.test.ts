// Two that publish into one Iceberg table all the time, killed, or with the catalog or the store away, while pyiceberg
// looks: each commit lands once or is refused, readers see whole versions. TSDBT_ICEBERG_COMMITS commits of each mode;
// `npm run faults -- iceberg` makes 100.
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoreLab } from '../publish/store-lab.ts';
import type { Ended } from '../support/program.ts';
import { NO_STORE } from '../support/s3-server.ts';
import { IcebergLab } from './iceberg-lab.ts';

const COMMITS = Number(process.env['TSDBT_ICEBERG_COMMITS'] ?? 10);
const ROUNDS = Math.max(5, Math.ceil(COMMITS / 2));
const FAULTS = ['none', 'kill one', 'catalog away', 'kill both', 'store away'] as const;
const DAYS = 90;
const ROWS_A_DAY = 3;
const ROWS_APPENDED = 50;

interface Look {
  readonly began: number;
  readonly ended: number;
  readonly versions?: Readonly<Record<string, number>>;
  readonly error?: string;
}

interface Round {
  readonly ended: readonly { readonly version: number; readonly result: Ended | 'killed' }[];
}

describe.skipIf(NO_STORE !== null)(`a commit to Iceberg${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  let ice: IcebergLab;
  let lab: StoreLab;
  beforeAll(async () => {
    ice = await IcebergLab.open();
    lab = ice.store;
  }, 600_000);
  afterAll(() => ice?.close());

  const vars = (writer: number, version: number) => ['--vars', `{version: ${version}, schema: w${writer}}`];
  const found = (killed: number, others: Readonly<Record<string, number>>) =>
    process.stdout.write(`iceberg: ${JSON.stringify({ rounds: ROUNDS, killed, ...others })}\n`);

  /** Looks until `stop`; what fails while something is away is no look. */
  function watch(table: string) {
    const child = ice.start('iceberg_reader.py', table);
    const looks: Look[] = [];
    const away: { from: number; to: number }[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => looks.push(JSON.parse(line) as Look));
    const ended = new Promise((resolve) => {
      child.once('close', resolve);
    });
    return {
      async without(gone: { kill(): Promise<unknown> }, back: () => Promise<unknown>): Promise<void> {
        const window = { from: Date.now(), to: Number.POSITIVE_INFINITY };
        away.push(window);
        await gone.kill();
        await pause(500);
        await back();
        window.to = Date.now();
      },
      async stop(): Promise<{ readonly seen: Readonly<Record<string, number>>[]; readonly errors: string[] }> {
        child.stdin!.end();
        await ended;
        const failed = looks.filter(
          ({ error, began, ended: last }) =>
            error !== undefined && !away.some(({ from, to }) => began <= to && last >= from),
        );
        return {
          seen: looks.flatMap(({ versions }) => (versions === undefined ? [] : [versions])),
          errors: failed.map(({ error }) => error ?? ''),
        };
      },
    };
  }

  /** Two publish at once, each a version of its own relation; a fault comes once the first file is there. */
  async function compete(table: string, round: number, reader: ReturnType<typeof watch>): Promise<Round> {
    const fault = FAULTS[round % FAULTS.length]!;
    const versions = [2 * round + 1, 2 * round + 2];
    for (const [writer, version] of versions.entries()) await lab.run('run', ...vars(writer, version));
    const folder = `wh/${table.replace('.', '/')}/data/`;
    const before = (await lab.keys(folder)).length;
    const running = versions.map((version, writer) =>
      lab.project.start(['publish', ...vars(writer, version)], `at-${writer}`),
    );
    let over = 0;
    for (const { ended } of running) void ended.then(() => over++);
    while (fault !== 'none' && over < 2 && (await lab.keys(folder)).length === before) await pause(10);
    if (fault !== 'none') await pause(((round * 7) % 10) * 40);
    const victims = fault === 'kill both' ? running : fault === 'kill one' ? running.slice(0, 1) : [];
    const killed = new Set(victims.filter(({ child }) => child.exitCode === null));
    for (const { child } of killed) child.kill('SIGKILL');
    if (fault === 'catalog away') await reader.without(ice.catalog, () => ice.catalog.up());
    if (fault === 'store away') await reader.without(lab.server, () => lab.server.start());
    const results = await Promise.all(running.map(({ ended }) => ended));
    return {
      ended: running.map((one, writer) => ({
        version: versions[writer]!,
        result: killed.has(one) ? 'killed' : results[writer]!,
      })),
    };
  }

  /** No commit is lost: each snapshot has the one before it as its parent, and each run has one at most. */
  async function checkHistory(table: string): Promise<number> {
    const history = await ice.history(table);
    expect(history.map((each) => each['parent-snapshot-id'])).toEqual([
      undefined,
      ...history.slice(0, -1).map((each) => each['snapshot-id']),
    ]);
    expect(new Set(history.map(({ summary }) => summary['tsdbt.run-id'])).size).toBe(history.length);
    return history.length;
  }

  /** All but the newest snapshots end, and what only they had goes. @returns how many files went */
  async function clean(table: string): Promise<number> {
    lab.server.age(4 * 86_400_000);
    const asked = async (what: string): Promise<string[]> => {
      const { stdout } = await lab.project.run(['publish', what, '--output', 'json', ...vars(0, 0)]);
      return (JSON.parse(stdout).files as { file: string }[]).map(({ file }) => file);
    };
    const removed = await asked('--remove-orphans');
    expect(await asked('--list-orphans')).toEqual([]);
    const data = await lab.keys(`wh/${table.replace('.', '/')}/data/`);
    expect(data.filter((key) => removed.includes(key))).toEqual([]);
    return removed.length;
  }

  it(`in mode append is kept once: ${2 * ROUNDS} of two concurrent publishers`, { timeout: 3_600_000 }, async () => {
    const table = 'marts.log';
    const publish = { to: 'ice', table, mode: 'append', snapshots: { keep: 10_000, older_than: '1ms' } };
    const sql =
      "{{ config(schema=var('schema')) }}select {{ var('version') }} as version, g as id " +
      `from generate_series(1, ${ROWS_APPENDED}) g`;
    lab.model(sql, publish);
    await lab.run('build', ...vars(0, 0));
    const reader = watch(table);
    let killed = 0;
    let again = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { ended } = await compete(table, round, reader);
      for (const [writer, { result, version }] of ended.entries()) {
        if (result === 'killed') killed++;
        else if (result.code !== 0)
          expect(result.out).toMatch(/another commit has come there|cannot be reached|answers/);
        if (result !== 'killed' && result.code === 0) continue;
        // Whether it had landed or not: once more, twice at the same time, and it is there once.
        again++;
        let failed = ['not tried'];
        for (let tries = 0; tries < 5 && failed.length > 0; tries++) {
          const twice = [1, 2].map((n) => lab.project.start(['publish', ...vars(writer, version)], `again-${n}`));
          const both = await Promise.all(twice.map((one) => one.ended));
          failed = both.flatMap(({ code, out }) => (code === 0 ? [] : [out]));
        }
        expect(failed).toEqual([]);
      }
    }
    const { seen, errors } = await reader.stop();
    expect(errors).toEqual([]);
    let before: string[] = [];
    for (const versions of seen) {
      expect(new Set(Object.values(versions))).toEqual(new Set([ROWS_APPENDED]));
      expect(before.filter((version) => versions[version] === undefined)).toEqual([]);
      before = Object.keys(versions);
    }
    expect(seen.length).toBeGreaterThan(ROUNDS);
    expect(killed).toBeGreaterThan(0);
    const snapshots = await checkHistory(table);
    expect(snapshots).toBe(2 * ROUNDS + 1);
    const { rows } = await ice.read(table);
    const keys = rows.map(({ version, id }) => Number(version) * 1000 + Number(id)).sort((a, b) => a - b);
    expect(keys).toEqual(
      Array.from({ length: 2 * ROUNDS + 1 }, (_, version) =>
        Array.from({ length: ROWS_APPENDED }, (__, id) => version * 1000 + id + 1),
      ).flat(),
    );
    lab.model(sql, { ...publish, snapshots: { keep: 1, older_than: '1ms' } });
    await lab.run('build', ...vars(0, 2 * ROUNDS + 1));
    expect((await ice.snapshots(table)).length).toBe(2);
    found(killed, { again, looks: seen.length, snapshots, removed: await clean(table) });
    expect((await ice.read(table)).rows.length).toBe((2 * ROUNDS + 2) * ROWS_APPENDED);
  });

  it(`in mode partitions is one complete version for readers of ${2 * ROUNDS}`, { timeout: 3_600_000 }, async () => {
    const table = 'marts.days';
    const publish = {
      to: 'ice',
      table,
      mode: 'partitions',
      partition_by: 'day(at)',
      retention: `${DAYS} days`,
      snapshots: { keep: 10_000, older_than: '1ms' },
    };
    // A day more than are kept.
    const sql =
      "{{ config(schema=var('schema')) }}select g * 10 + n as id, {{ var('version') }} as version, " +
      "((current_date - g) + time '12:00')::timestamp as at " +
      `from generate_series(1, ${DAYS + 1}) g, generate_series(1, ${ROWS_A_DAY}) n`;
    lab.model(sql, publish);
    await lab.run('build', ...vars(0, 0));
    const reader = watch(table);
    let killed = 0;
    let refused = 0;
    let landed = 1;
    for (let round = 0; round < ROUNDS; round++) {
      const { ended } = await compete(table, round, reader);
      for (const { result } of ended) {
        if (result === 'killed') killed++;
        else if (result.code === 0) landed++;
        else if (result.out.includes('another commit has come there')) refused++;
        else expect(result.out).toMatch(/cannot be reached|answers/);
      }
    }
    await lab.run('build', ...vars(0, 2 * ROUNDS + 1));
    const { seen, errors } = await reader.stop();
    expect(errors).toEqual([]);
    const whole = seen.filter((versions) => Object.values(versions).join() !== String(DAYS * ROWS_A_DAY));
    expect(whole).toEqual([]);
    expect(seen.length).toBeGreaterThan(ROUNDS / 2);
    expect(killed).toBeGreaterThan(0);
    const snapshots = await checkHistory(table);
    expect(snapshots).toBeGreaterThanOrEqual(landed + 1);
    lab.model(sql, { ...publish, snapshots: { keep: 1, older_than: '1ms' } });
    await lab.run('build', ...vars(0, 2 * ROUNDS + 2));
    expect((await ice.snapshots(table)).length).toBe(2);
    found(killed, { landed, refused, looks: seen.length, snapshots, removed: await clean(table) });
    // pyiceberg's rows are the mart's, but the day that retention has ended.
    const mart = await lab.project.rows(
      `select id, version, at::text from s_w0.m where at >= current_date - ${DAYS} order by id`,
    );
    const { rows } = await ice.read(table);
    const text = rows
      .map(({ id, version, at }) => [String(id), String(version), String(at)])
      .sort((a, b) => Number(a[0]) - Number(b[0]));
    expect(text).toEqual(mart);
    expect(new Set(mart.map(([, , at]) => at)).size).toBe(DAYS);
  });
});
