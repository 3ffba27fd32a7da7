// Tests a failing unit test in a build: the model's other unit tests, the model, its data tests and its children. The
// expected results are those of real dbt-core 1.12.6 for the same project, where the order of a model's unit tests
// changes from run to run.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

let project: FaultProject;
const unitTest = (name: string, id: number): string => `
  - name: ${name}
    model: b
    given: [{input: ref('a'), rows: [{id: 1}]}]
    expect: {rows: [{id: ${id}}]}`;

beforeAll(async () => {
  project = await FaultProject.open({
    'models/a.sql': 'select 1 as id',
    'models/b.sql': "select id from {{ ref('a') }}",
    'models/c.sql': "select id from {{ ref('b') }}",
    'models/p.yml': `
models:
  - {name: b, columns: [{name: id, data_tests: [unique]}]}
unit_tests:${unitTest('first', 1)}${unitTest('second', 2)}${unitTest('third', 1)}${unitTest('fourth', 3)}
`,
  });
});
afterAll(async () => {
  await project.close();
});

/** Statuses and messages of skipped nodes by name, exit code, and the lines of what is skipped. */
async function built(args: readonly string[]): Promise<unknown> {
  const { code, out } = await project.run(['build', ...args]);
  const { results } = JSON.parse(project.read('target/run_results.json')) as {
    results: { unique_id: string; status: string; message: string | null }[];
  };
  const told = results.map(({ unique_id, status, message }) => [
    unique_id.split('.')[unique_id.startsWith('unit_test') ? 3 : 2],
    status,
    ...(status === 'skipped' ? [message] : []),
  ]);
  const skips = [...out.matchAll(/\d of 8 SKIP (?:relation|unit_test|test) (\S+) /g)].map(([, name]) => name);
  return { code, told, skips };
}

describe.each([[['--threads', '1']], [['--threads', '4']]])('a failing unit test, %j', (threads) => {
  it('skips the other tests of its model, the model and its descendants', async () => {
    expect(await built(threads)).toEqual({
      code: 1,
      told: [
        ['a', 'success'],
        ['first', 'pass'],
        ['second', 'fail'],
        ['third', 'skipped', null],
        ['fourth', 'skipped', null],
        ['b', 'skipped', null],
        ['unique_b_id', 'skipped', null],
        ['c', 'skipped', null],
      ],
      skips: ['third', 'fourth', 's.b', 'unique_b_id', 's.c'],
    });
  });

  it("skips, with --fail-fast, its model's descendants for its own failure and the rest for the flag", async () => {
    const why = 'Skipping due to fail_fast';
    expect(await built([...threads, '--fail-fast'])).toEqual({
      code: 1,
      told: [
        ['a', 'success'],
        ['first', 'pass'],
        ['second', 'fail'],
        ['third', 'skipped', null],
        ['fourth', 'skipped', null],
        ['b', 'skipped', null],
        ['c', 'skipped', why],
        ['unique_b_id', 'skipped', why],
      ],
      skips: ['third', 'fourth', 's.b'],
    });
  });
});
