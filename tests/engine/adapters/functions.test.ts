// The values of the SQL functions in src/include/*/macros/utils: the same on Postgres and on ClickHouse. Leaves the
// statements of materializations to tests/engine/macros.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';

/** A call as a template writes it, and its value as text. A new function gets a row. */
const VALUES: readonly (readonly [call: string, value: string])[] = [
  ['dbt.split_part("\'a|b|c\'", "\'|\'", 2)', 'b'],
  ['dbt.split_part("\'a|b|c\'", "\'|\'", -1)', 'c'],
  ['dbt.right("\'banana\'", 2)', 'na'],
  ['dbt.right("\'banana\'", 0)', ''],
  ['dbt.length("\'banana\'")', '6'],
  ['dbt.position("\'n\'", "\'banana\'")', '3'],
  ['dbt.position("\'x\'", "\'banana\'")', '0'],
  ['dbt.concat(["\'a\'", "\'b\'"])', 'ab'],
  ['dbt.hash("\'a\'")', '0cc175b9c0f1b6a831c399e269772661'],
  ["dbt.string_literal('it')", 'it'],
  ['dbt.string_literal(dbt.escape_single_quotes("it\'s"))', "it's"],
  ['dbt.safe_cast("\'7\'", dbt.type_int())', '7'],
  ["dbt.cast_bool_to_text('1 = 1')", 'true'],
  ["dbt.last_day(\"cast('2024-02-10' as date)\", 'month')", '2024-02-29'],
  ["dbt.last_day(\"cast('2024-02-10' as date)\", 'quarter')", '2024-03-31'],
  ["dbt.datediff(\"cast('2024-02-28' as date)\", \"cast('2024-03-01' as date)\", 'day')", '2'],
  ["dbt.datediff(\"cast('2023-12-31' as date)\", \"cast('2024-01-01' as date)\", 'year')", '1'],
  ["dbt.datediff(\"cast('2024-03-01' as date)\", \"cast('2024-01-31' as date)\", 'month')", '-2'],
];

let project: FaultProject;

beforeAll(async () => {
  project = await FaultProject.open({});
  const postgres = project.read('profiles.yml').replace(/\}\}\}\s*$/, '');
  const clickhouse = `{type: clickhouse, path: "${resolve(clickhouseFolder())}", schema: functions, threads: 1}`;
  project.write({ 'profiles.yml': `${postgres}}, clickhouse: ${clickhouse}}}\n` });
});
afterAll(() => project.close());

/** The values of all calls in one query, in their order. */
async function values(target: string): Promise<string[]> {
  const columns = VALUES.map(([call], index) => `cast({{ ${call} }} as {{ dbt.type_string() }}) as v${index}`);
  const query = ['--limit', '-1', '--inline', `select ${columns.join(', ')}`];
  const { code, out } = await project.run(['show', '--target', target, '--quiet', '--output', 'json', ...query]);
  expect(code, out).toBe(0);
  const [row] = (JSON.parse(out) as { show: Record<string, string>[] }).show;
  return Object.values(row ?? {}).map(String);
}

const expected = VALUES.map(([, value]) => value);

describe('the SQL functions', () => {
  it('return the expected values on Postgres', async () => {
    expect(await values('dev')).toEqual(expected);
  });

  it.skipIf(clickhouseMissing !== null)(
    `return the same values on ClickHouse${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
    async () => {
      expect(await values('clickhouse')).toEqual(expected);
    },
  );
});
