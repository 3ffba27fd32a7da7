// Tests unit tests of macros on both databases: text, values and rows.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

interface Lab {
  run(args: readonly string[]): Promise<{ code: number | null; out: string }>;
  write(files: Readonly<Record<string, string>>): void;
  close(): Promise<unknown>;
}

const FILES = {
  'macros/m.sql': `
{% macro cents(column, scale=2) %}
  round({{ column }} / 100.0,
        {{ scale }}) {% endmacro %}
{% macro tier(column) %}case when {{ column }} >= {{ var('large', 100) }} then 'large' else 'small' end{% endmacro %}
{% macro pairs(names) %}{{ return({'all': names | map('upper') | list, 'n': names | length}) }}{% endmacro %}
{% macro numbers(most) %}
  {% for i in range(most) %}select {{ i }} as n{{ ' union all ' if not loop.last }}{% endfor %}
{% endmacro %}
{% macro day() %}{{ return(run_started_at.strftime('%Y-%m-%d')) }}{% endmacro %}
{% macro today() %}select cast(current_date as varchar) as d{% endmacro %}
{% macro named() %}select * from {{ ref('one') }}{% endmacro %}
`,
  'models/one.sql': 'select 1 as id',
  'macros/m.yml': `
macros:
  - name: cents
    config:
      meta:
        tsdbt:
          unit_tests:
            - {name: by_position, args: [amount, 3], expect: {text: 'round(amount / 100.0, 3)'}}
            - {name: by_name, args: {column: a.b}, expect: {text: 'round(a.b / 100.0, 2)'}}
            - {name: wrong_text, args: [amount], expect: {text: round(amount)}}
  - name: tier
    meta:
      tsdbt:
        unit_tests:
          - name: computes
            description: Rows at the limit are large.
            args: [amount]
            given: {rows: [{amount: 99}, {amount: 100}]}
            expect: {rows: [{amount: 99, result: small}, {amount: 100, result: large}]}
          - name: reads_vars
            args: [amount]
            overrides: {vars: {large: 5}}
            given: {format: csv, rows: "amount\\n4\\n5\\n"}
            expect: {rows: [{result: small}, {result: large}]}
          - name: wrong_rows
            args: [amount]
            given: {rows: [{amount: 1}]}
            expect: {rows: [{result: large}]}
  - name: pairs
    config:
      meta:
        tsdbt:
          unit_tests:
            - {name: returns, args: [[a, b]], expect: {value: {n: 2, all: [A, B]}}}
            - {name: wrong_value, args: [[a]], expect: {value: [A]}}
  - name: numbers
    config: {meta: {tsdbt: {unit_tests: {name: is_a_query, args: [3], expect: {rows: [{n: 0}, {n: 1}, {n: 2}]}}}}}
  - name: day
    config: {meta: {tsdbt: {unit_tests: {name: of_the_run, now: 2024-02-29, expect: {value: '2024-02-29'}}}}}
  - name: today
    config:
      meta:
        tsdbt:
          unit_tests: {name: of_the_database, now: 2024-02-29 12:00:00, expect: {rows: [{d: '2024-02-29'}]}}
  - name: named
    config: {meta: {tsdbt: {unit_tests: {name: reads_a_model, expect: {rows: [{id: 1}]}}}}}
`,
};

function proves(open: (files: Readonly<Record<string, string>>) => Promise<Lab>): void {
  let lab: Lab;
  beforeAll(async () => {
    lab = await open(FILES);
  });
  afterAll(() => lab.close());

  it('compares text, values and rows', async () => {
    expect((await lab.run(['run'])).code).toBe(0);
    const { code, out } = await lab.run(['test', '--exclude', 'wrong_*']);
    expect(out).toContain('PASS=9 ');
    expect(code, out).toBe(0);
  });

  it('shows what differs', async () => {
    const { code, out } = await lab.run(['test', '--select', 'wrong_*']);
    expect(code).toBe(1);
    expect(out).toMatch(/actual: +round\(amount \/ 100\.0, 2\)\nexpected: round\(amount\)/);
    expect(out).toMatch(/actual: +\{'all': \['A'\], 'n': 1\}\nexpected: \['A'\]/);
    expect(out).toMatch(/small.*large|large.*small/s);
    expect(out).toContain('ERROR=3');
  });

  it('are selected like other tests, and run in a build', async () => {
    const { out } = await lab.run(['ls', '--select', 'test_type:unit,returns']);
    expect(out).toContain('unit_test:faults.returns');
    const built = await lab.run(['build', '--exclude', 'wrong_*']);
    expect(built.code, built.out).toBe(0);
    expect(built.out).toContain('PASS=10 ');
  });

  it('compare texts that name the clock as they are written', async () => {
    lab.write({
      'macros/clock.sql': '{% macro since(column) %}now() - {{ column }}{% endmacro %}',
      'macros/clock.yml':
        'macros: [{name: since, config: {meta: {tsdbt: {unit_tests: {name: texts, args: [x], now: 2024-01-31, ' +
        'expect: {text: now() - x}}}}}}]',
    });
    const { code, out } = await lab.run(['test', '--select', 'texts']);
    lab.write({ 'macros/clock.sql': '', 'macros/clock.yml': '' });
    expect(code, out).toBe(0);
  });

  it('are reused if they read no relation', async () => {
    await lab.run(['test', '--exclude', 'wrong_*']);
    await lab.run(['build', '--reuse', '--exclude', 'wrong_*']);
    const { out } = await lab.run(['build', '--reuse', '--explain', '--exclude', 'wrong_*']);
    expect(out).toMatch(/runs unit_test\.faults\.named\.reads_a_model because its macro may read relations/);
    expect(out).toMatch(/reused unit_test\.faults\.cents\.by_name/);
  });

  it('wrong settings are refused with their file', async () => {
    for (const [test, said] of [
      ['{name: x}', /needs 'expect'/],
      ['{name: x, expect: {}}', /needs 'text', 'value', 'rows' or 'fixture'/],
      ['{name: x, expect: {txt: a}}', /unknown key .*expect\.txt/],
      ['{name: x, given: {}, expect: {text: a}}', /needs 'rows' or 'fixture'/],
      ['{name: x, given: {rows: []}, expect: {rows: []}}', /needs one row at least/],
      ['{name: x, args: 3, expect: {text: a}}', /must be a dictionary, found 3/],
      ['{name: x, expect: {text: a}, now: soon}', /must be a time such as/],
    ] as const) {
      lab.write({
        'macros/bad.sql': '{% macro bad() %}{% endmacro %}',
        'macros/bad.yml': `macros: [{name: bad, config: {meta: {tsdbt: {unit_tests: [${test}]}}}}]`,
      });
      const { code, out } = await lab.run(['parse']);
      lab.write({ 'macros/bad.sql': '', 'macros/bad.yml': '' });
      expect(code).toBe(2);
      expect(out).toMatch(said);
      expect(out).toMatch(/macros\/bad\.yml/);
    }
  });
}

describe('unit tests of macros on Postgres', () => proves((files) => FaultProject.open(files)));
describe.skipIf(clickhouseMissing !== null)('unit tests of macros on ClickHouse', () =>
  proves((files) => ClickhouseLab.open(files)),
);
