// Tests `unit-test capture` on both databases: what it prints is a unit test that passes, without personal data.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

interface Lab {
  run(args: readonly string[]): Promise<{ code: number | null; out: string }>;
  write(files: Readonly<Record<string, string>>): void;
  close(): Promise<unknown>;
}

const FILES = {
  'policies.yml': 'policies: [{tag: pii, allowed_in: [schema:s]}]\n',
  'seeds/people.csv': 'id,email,phone,born\n1,ada@example.com,4930111,2000-02-29\n2,bob@example.com,,1999-12-31\n',
  'models/staged.sql':
    "{{ config(materialized='ephemeral') }} select id, email as contact, phone, born from {{ ref('people') }}",
  'models/top.sql':
    "{{ config(materialized='incremental', unique_key='id') }} select p.id as id, p.contact as contact, p.phone as " +
    "phone, l.labels as labels, l.price as price from {{ ref('staged') }} p " +
    "join {{ ref('labels') }} l on l.id = p.id " +
    '{% if is_incremental() %} where p.id > (select max(id) from {{ this }}) {% endif %}',
  'models/aged.sql': "select id, AGE as age from {{ ref('people') }}",
  'models/alone.sql': 'select 1 as id',
  'macros/started.sql': "{% macro started() %}'{{ run_started_at }}'{% endmacro %}",
  'models/stamped_v1.sql': "select id, {{ started() }} as at from {{ ref('people') }}",
  'models/stamped_v2.sql': "select id, {{ started() }} as at, 2 as v from {{ ref('people') }}",
  'seeds/noted.csv': 'id,note\n1,"{{ env_var(\'HOME\') }} \\ it\'s }}"\n2,"{% raw %}"\n3,"\'{# x\'"\n',
  'models/notes.sql': "select id, note from {{ ref('noted') }}",
  'models/m.yml':
    'models: [{name: stamped, latest_version: 2, versions: [{v: 1}, {v: 2}]}]\n' +
    'seeds: [{name: people, columns: [{name: email, tags: [pii]}, {name: phone, meta: {tsdbt: {secret: true}}}]}]\n',
};

function proves(
  open: (files: Readonly<Record<string, string>>) => Promise<Lab>,
  files: Readonly<Record<string, string>>,
): void {
  let lab: Lab;
  beforeAll(async () => {
    lab = await open({ ...FILES, ...files });
    const { code, out } = await lab.run(['build']);
    expect(code, out).toBe(0);
  });
  afterAll(() => lab.close());

  const captured = async (...args: string[]): Promise<string> => {
    const { code, out } = await lab.run(['unit-test', 'capture', ...args]);
    expect(code, out).toBe(0);
    return out;
  };

  it('prints a test that passes, with personal data hashed, also of columns that inherit it', async () => {
    const text = await captured('top');
    expect(text).not.toMatch(/example\.com|4930111/);
    const [test] = parse(text).unit_tests;
    expect(test).toMatchObject({
      name: 'top_captured',
      model: 'top',
      overrides: { macros: { is_incremental: false } },
    });
    const [staged] = test.given;
    expect(staged.rows.map((row: { contact: string }) => row.contact)).toEqual([
      expect.stringMatching(/^[0-9a-f]{16}$/),
      expect.stringMatching(/^[0-9a-f]{16}$/),
    ]);
    expect(test.expect.rows).toHaveLength(2);
    lab.write({ 'models/captured.yml': text });
    const { code, out } = await lab.run(['test', '--select', 'top_captured']);
    expect(code, out).toBe(0);
    expect(out).toContain('PASS=1 ');
  });

  it('fixes the clock if the model reads it', async () => {
    const text = await captured('aged', '--name', 'of_today');
    expect(parse(text).unit_tests[0].config.meta.tsdbt.now).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    lab.write({ 'models/aged.yml': text });
    const { code, out } = await lab.run(['test', '--select', 'of_today']);
    expect(code, out).toBe(0);
  });

  it('prints rows that look like templates as texts, which later commands do not render', async () => {
    const text = await captured('notes');
    lab.write({ 'models/notes.yml': text });
    const { code, out } = await lab.run(['test', '--select', 'notes_captured']);
    expect(code, out).toBe(0);
    expect(out).toContain('PASS=1 ');
    expect(parse(text).unit_tests[0].given[0].rows[0].note).toBe("{{ '{{ env_var(\\'HOME\\') }} \\\\ it\\'s }}' }}");
  });

  it('tests one version of a model, and finds the clock in its macros', async () => {
    const text = await captured('stamped.v1', '--name', 'of_v1');
    const [test] = parse(text).unit_tests;
    expect(test).toMatchObject({ model: 'stamped', versions: { include: [1] }, config: { meta: { tsdbt: {} } } });
    lab.write({ 'models/stamped.yml': text });
    const { code, out } = await lab.run(['test', '--select', 'test_type:unit,of_v1*']);
    expect(out).toContain('PASS=1 ');
    expect(code, out).toBe(0);
  });

  it('takes as many rows as asked, that fulfil a condition', async () => {
    const rows = async (...args: string[]): Promise<number[]> =>
      parse(await captured('top', ...args)).unit_tests[0].given.map((each: { rows: unknown[] }) => each.rows.length);
    expect(await rows('--rows', '1')).toEqual([1, 1]);
    expect(await rows('--where', 'id = 2')).toEqual([1, 1]);
    expect(await rows('--where', "labels: id = 2 and '::' <> 'x: y'")).toEqual([2, 1]);
  });

  it('refuses what it cannot capture', async () => {
    for (const [args, said] of [
      [['alone'], /'alone' reads no model, seed or source/],
      [['people'], /Only SQL models have unit tests; found seed\.faults\.people/],
      [['tpo'], /tpo/],
      [['top', '--rows', '0'], /--rows must be 1 or more, found 0/],
      [['top', '--where', 'orders: id = 1'], /names the input 'orders'.*\n.*Inputs: /],
      [['top', '--where', 'nothing = 1'], /nothing/],
    ] as const) {
      const { code, out } = await lab.run(['unit-test', 'capture', ...args]);
      expect(code, out).toBe(2);
      expect(out).toMatch(said);
      expect(out).not.toMatch(/internal|\bat .*\.js/i);
    }
  });
}

describe('unit-test capture on Postgres', () => {
  proves((files) => FaultProject.open(files), {
    'models/labels.sql':
      "select n as id, array['a\"', null, 'c'] as labels, 12.50::numeric(10,2) as price from " +
      'generate_series(1, 2) n',
    'models/aged.sql': FILES['models/aged.sql'].replace('AGE', 'current_date - born'),
  });
});

describe.skipIf(clickhouseMissing !== null)('unit-test capture on ClickHouse', () => {
  proves((files) => ClickhouseLab.open(files), {
    'models/labels.sql':
      "select toInt32(number + 1) as id, ['a\\'', 'c'] as labels, toDecimal64(12.5, 2) as price from numbers(2)",
    'models/aged.sql': FILES['models/aged.sql'].replace('AGE', "dateDiff('day', born, today())"),
  });
});
