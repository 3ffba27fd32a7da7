// How many HTTP requests a command makes on ClickHouse, beside those of dbt-clickhouse (clickhouse-golden.json, written
// by tests/oracle/clickhouse-requests.mjs with the same project, steps and server). A proxy counts them.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

interface Plan {
  readonly files: Readonly<Record<string, string>>;
  readonly before: readonly string[];
  /** ours: dbt-clickhouse has no such strategy. */
  readonly steps: readonly {
    readonly name: string;
    readonly run: string;
    readonly sql?: readonly string[];
    readonly ours?: boolean;
  }[];
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
const plan = read('./clickhouse-steps.json') as Plan;
const theirs = read('./clickhouse-golden.json') as Readonly<Record<string, number>>;

/**
 * At most so many of a whole command. What goes over by an exchange costs more than a delete and an insert: readers see
 * nothing of it.
 */
const LIMITS: Readonly<Record<string, number>> = {
  'data tests': 5,
  'seed, first': 9,
  'seed, again': 11,
  'append, first': 9,
  'delete_insert, first': 9,
  'atomic_upsert, first': 9,
  'insert_overwrite, first': 9,
  'snapshot, first': 12,
  'append, again': 24,
  'delete_insert, again': 13,
  'atomic_upsert, again': 32,
  'insert_overwrite, again': 24,
  'snapshot, again': 32,
  // Three batches, and two. Each asks for the types that its query gives; the two also for rows outside of the window.
  'microbatch, first': 32,
  'microbatch, again': 36,
};

/** Six views and four tables: requests of one of ten more models. */
const perModel = (counts: Readonly<Record<string, number>>, when: string): number =>
  (counts[`20 models, ${when}`]! - counts[`10 models, ${when}`]!) / 10;

describe.skipIf(clickhouseMissing !== null)(
  `the number of ClickHouse requests${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    const ours: Record<string, number> = {};
    let lab: ClickhouseLab;
    beforeAll(async () => {
      lab = await ClickhouseLab.open(plan.files);
      for (const sql of plan.before) await lab.rows(sql);
      for (const { name, run, sql = [] } of plan.steps) {
        for (const statement of sql) await lab.rows(statement);
        const ended = await lab.run(run.split(' '));
        expect(ended.code, ended.out).toBe(0);
        ours[name] = ended.statements.length;
      }
    });
    afterAll(async () => {
      await lab?.close();
    });

    // Requests that wait for each other a moment go as one; on a busy machine some of them are late.
    it('per model is 3 at first and 3.6 again, plus at most half a request', () => {
      expect(perModel(ours, 'first')).toBeLessThanOrEqual(3.5);
      expect(perModel(ours, 'again')).toBeLessThanOrEqual(4.1);
      expect(perModel(ours, 'again')).toBeLessThanOrEqual(perModel(theirs, 'again'));
    });

    it('per command is within its limit', () => {
      expect(
        Object.entries(LIMITS)
          .filter(([name, limit]) => !(ours[name]! <= limit))
          .map(([name, limit]) => `${name}: ${ours[name]}, at most ${limit}`),
      ).toEqual([]);
    });

    it('for first builds, seeds, tests and delete_insert is lower than with dbt-clickhouse', () => {
      const less = [
        'data tests',
        'seed, first',
        'seed, again',
        'append, first',
        'delete_insert, first',
        'insert_overwrite, first',
        'snapshot, first',
        'delete_insert, again',
      ];
      expect(less.filter((name) => !(ours[name]! < theirs[name]!))).toEqual([]);
    });

    it('is counted without leftover tables', async () => {
      expect(await lab.orphans()).toEqual([]);
      expect(await lab.rows("select name from system.tables where name like '\\_\\_dbt\\_exchange%'")).toEqual([]);
    });
  },
);
