// Tests that several data tests of one relation in one statement give the same results as one by one, over random
// tables on both databases.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ClickhouseLab } from './clickhouse-lab.ts';
import { FaultProject } from './project.ts';
import { randomTests, TESTS_OF_EACH, testResults } from './random-tests.ts';

/** Random tables a database. */
const TABLES = Number(process.env['TSDBT_BATCHED_TABLES'] ?? 5);

/** How many statements of several tests a run has sent; none of them failed. */
function batches(dir: string): number {
  const log = readFileSync(join(dir, 'logs-target/dbt.log'), 'utf8');
  expect(log).not.toContain('and its like run one by one');
  return log.split('as failures_1,').length - 1;
}

it('batched tests give the same results as single ones on Postgres', async () => {
  const project = await FaultProject.open({});
  let shared = 0;
  try {
    for (let seed = 1; seed <= TABLES; seed++) {
      const found: Record<string, string>[] = [];
      for (const batched of [false, true]) {
        project.write(randomTests('postgres', seed, batched));
        rmSync(join(project.dir, 'logs-target'), { recursive: true, force: true });
        await project.run(['build', '--debug']);
        found.push(testResults(project.dir));
        if (batched) shared += batches(project.dir);
        else expect(batches(project.dir)).toBe(0);
      }
      expect([seed, found[1]]).toEqual([seed, found[0]]);
      expect(Object.keys(found[0] ?? {})).toHaveLength(TESTS_OF_EACH);
    }
  } finally {
    await project.close();
  }
  expect(shared).toBeGreaterThan(0);
}, 1_800_000);

it('batched tests give the same results as single ones on ClickHouse', async () => {
  const lab = await ClickhouseLab.open({});
  let shared = 0;
  try {
    for (let seed = 1; seed <= TABLES; seed++) {
      const found: Record<string, string>[] = [];
      for (const batched of [false, true]) {
        lab.write(randomTests('clickhouse', seed, batched));
        rmSync(join(lab.dir, 'logs-target'), { recursive: true, force: true });
        await lab.run(['build', '--debug']);
        found.push(testResults(lab.dir));
        if (batched) shared += batches(lab.dir);
      }
      expect([seed, found[1]]).toEqual([seed, found[0]]);
      expect(Object.keys(found[0] ?? {})).toHaveLength(TESTS_OF_EACH);
    }
  } finally {
    await lab.close();
  }
  expect(shared).toBeGreaterThan(0);
}, 1_800_000);
