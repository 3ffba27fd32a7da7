// Compares the table of `npm run faults` (scripts/faults.mjs) with the tests that it runs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const SCRIPT = readFileSync(join(ROOT, 'scripts/faults.mjs'), 'utf8');
const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(ROOT, 'scripts/faults.mjs'), ...args], { encoding: 'utf8' });

it('`npm run faults` without a name prints the list of all proofs and runs nothing', () => {
  const { status, stdout } = run();
  expect(status).toBe(0);
  expect(stdout.match(/^[a-z]+(?= )/gm)).toEqual([
    'npm',
    ...[
      'clickhouse',
      'load',
      'sync',
      'replicate',
      'partitions',
      'publish',
      'iceberg',
      'reuse',
      'serve',
      'days',
      'alerts',
      'archive',
      'changes',
    ],
  ]);
});

it('`npm run faults` rejects an unknown name and a number of rounds that is not a whole number', () => {
  expect(run('kafka')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('unknown proof kafka: choose from'),
  });
  expect(run('load', '--rounds', '0')).toMatchObject({ status: 2, stderr: expect.stringContaining('--rounds is "0"') });
});

it('`npm run faults` names only files that exist, and sets only variables that one of them reads', () => {
  const files = [...SCRIPT.matchAll(/'(tests\/[^']*\.test\.ts)'/g)].map((match) => join(ROOT, match[1]!));
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
  const read = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const variables = [...new Set(SCRIPT.match(/TSDBT_[A-Z]+_(KILLS|ROUNDS|COMMITS|FAULTS|MINUTES|SECONDS)/g))];
  expect(variables).toHaveLength(11);
  expect(variables.filter((name) => !read.includes(`env['${name}']`))).toEqual([]);
});
