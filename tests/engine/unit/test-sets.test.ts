// The sets of vitest.config.ts against the test files of this repository.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { SLOW } from '../../../vitest.config.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const NONE = { TSDBT_TEST_QUICK: '', TSDBT_TEST_KAFKA: '', TSDBT_TORTURE: '' };

/** The files that vitest runs with these variables, one line per project that has the file. */
async function filesOf(variables: Partial<typeof NONE>): Promise<string[]> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, 'list', '--filesOnly', '--json'], {
    cwd: ROOT,
    env: { ...process.env, ...NONE, ...variables },
    maxBuffer: 10_000_000,
  });
  const listed = JSON.parse(stdout) as { file: string }[];
  return listed.map(({ file }) => relative(ROOT, file)).sort();
}

let sets: Record<'quick' | 'all' | 'kafka' | 'torture', string[]>;
beforeAll(async () => {
  const [quick, all, kafka, torture] = await Promise.all([
    filesOf({ TSDBT_TEST_QUICK: '1' }),
    filesOf({}),
    filesOf({ TSDBT_TEST_KAFKA: '1' }),
    filesOf({ TSDBT_TORTURE: 'small' }),
  ]);
  sets = { quick, all, kafka, torture };
});

it('each test file is run once by exactly one of `test:all`, `test:kafka` and `torture`', () => {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate', 'tests/*.test.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect([...sets.all, ...sets.kafka, ...sets.torture].sort()).toEqual(files.trim().split('\n').sort());
});

it('`npm test` runs what `npm run test:all` runs, without the list SLOW of vitest.config.ts', () => {
  const slow = (file: string) => SLOW.some((path) => file.startsWith(path));
  expect(sets.quick).toEqual(sets.all.filter((file) => !slow(file)));
  expect(SLOW.filter((path) => !sets.all.some((file) => file.startsWith(path)))).toEqual([]);
});

it('`npm test` sets the variable that excludes the slow tests, `npm run test:all` does not', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect([scripts['test'], scripts['test:all']]).toEqual(['TSDBT_TEST_QUICK=1 vitest run', 'vitest run']);
});
