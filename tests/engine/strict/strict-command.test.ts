// What --strict reports besides mistakes in queries: settings, YAML, contracts, tests; and what it does not check.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Ended, run } from '../support/program.ts';
import { type Dialect, shopFiles, writeFiles } from './planted-project.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-strict-command-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };
let projects = 0;

function strict(dialect: Dialect, files: Readonly<Record<string, string>>, args: readonly string[]): Promise<Ended> {
  const folder = join(dir, String(projects++));
  mkdirSync(folder);
  writeFiles(folder, { ...shopFiles(dialect), ...files });
  return run([...args, '--profiles-dir', '.'], { cwd: folder, env: ENV });
}

/** One line per report: node, place and the first line of the message. */
async function reports(dialect: Dialect, files: Readonly<Record<string, string>>): Promise<string[]> {
  const { stdout } = await strict(dialect, files, ['compile', '--strict', '--output', 'json']);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .map(({ node, path, line, message, reason, hint }) =>
      [
        node.replace(/^(\w+\.)shop\.(.*?)(?:\.[0-9a-f]{10})?$/, '$1$2'),
        reason === undefined ? `${path}:${line}` : 'not checked',
        (message ?? reason).split('\n')[0],
        ...(hint === undefined ? [] : [hint]),
      ].join(' | '),
    );
}

describe.skipIf(clickhouseMissing !== null)('keys of ClickHouse tables', () => {
  const select = "\nselect id, status, amount, created_at from {{ ref('orders') }}";

  it('with mistakes in their expressions are reported at the setting', async () => {
    const found = await reports('clickhouse', {
      'models/by_month.sql':
        "{{ config(\n  materialized='table',\n  order_by='(id, toDate(creatd_at))',\n  " +
        `partition_by=['toYYYYMM(created)']\n) }}${select}`,
      'models/nested.sql':
        "{{ config(materialized='incremental', order_by=['id', 'cityHash64(stat)'], unique_key='id') }}" + select,
      'models/typed.sql': "{{ config(materialized='table', order_by='toStartOfHour(status)') }}" + select,
    });
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringContaining(
          'model.by_month | models/by_month.sql:3 | order_by is "(id, toDate(creatd_at))", but the model does ' +
            'not output "creatd_at"',
        ),
        expect.stringContaining(
          'model.by_month | models/by_month.sql:4 | partition_by is "toYYYYMM(created)", but the model does ' +
            'not output "created"',
        ),
        expect.stringContaining(
          'model.nested | models/nested.sql:1 | order_by is "id, cityHash64(stat)", but the model does not ' +
            'output "stat"',
        ),
        expect.stringContaining('model.typed | models/typed.sql:1 | order_by is "toStartOfHour(status)": '),
      ]),
    );
    expect(found).toHaveLength(4);
  });

  it('that the server accepts, or that cannot be checked, are not reported', async () => {
    const config = (name: string, keys: string): Record<string, string> => ({
      [`models/${name}.sql`]: `{{ config(materialized='table', ${keys}) }}${select}`,
    });
    const found = await reports('clickhouse', {
      ...config('a', "order_by='tuple()'"),
      ...config('b', "order_by='(id, toDate(created_at))', partition_by='toYYYYMM(created_at)'"),
      ...config('c', "order_by=['id', 'cityHash64(status, id)'], primary_key='(id)', partition_by='(status, id % 8)'"),
      ...config('d', "order_by='id desc'"),
      ...config('e', "engine='Memory', order_by='nope(1)'"),
      ...config('f', "order_by='id) as select * from url(\\'http://127.0.0.1:1/\\', CSV, \\'a Int8\\'' "),
      ...config('g', "order_by='own_function(id)'"),
      ...config('h', "order_by='(`id`, lower(status))'"),
    });
    expect(found).toEqual([]);
  });
});

const BOTH = ['postgres', 'clickhouse'] as const;
for (const dialect of BOTH) {
  describe.skipIf(dialect === 'clickhouse' && clickhouseMissing !== null)(`--strict on ${dialect}`, () => {
    it('reports columns of YAML and of settings that a model does not output', async () => {
      const found = await reports(dialect, {
        'models/more.yml': 'sources: [{name: dev, schema: dev, tables: [{name: rates}]}]',
        'models/of_seed.sql': "select code, rate from {{ source('dev', 'rates') }}",
        'models/ignores.sql': "{{ config(unique_key='nope', order_by='nope') }}\nselect 1 as one",
        'models/sums.sql':
          "{{ config(\n  materialized='incremental',\n  unique_key='custmer_id'\n) }}\n" +
          "select customer_id, sum(amount) as total from {{ ref('orders') }} group by customer_id",
        'models/m.yml':
          'models:\n  - name: sums\n    config: {event_time: create_at}\n    columns:\n      - name: customer_id\n' +
          '      - name: totl\n        description: x\n  - name: daily\n    columns:\n      - name: day\n' +
          '        data_tests: [not_null]\n      - name: dy\n        data_tests: [not_null]\n',
        'snapshots/late.sql':
          "{% snapshot late %}{{ config(target_schema='history', unique_key='id', strategy='timestamp',\n" +
          "  updated_at='updated_at') }}\nselect * from {{ ref('orders') }}{% endsnapshot %}",
      });
      expect(found.filter((line) => !line.startsWith('test.'))).toEqual(
        [
          'snapshot.late | snapshots/late.sql:2 | updated_at is "updated_at", but the snapshot does not output this ' +
            'column',
          'model.daily | models/m.yml:12 | column "dy" is declared, but the model does not output it | did you mean ' +
            "'day'?",
          'model.sums | models/m.yml:6 | column "totl" is declared, but the model does not output it | did you mean ' +
            "'total'?",
          'model.sums | models/sums.sql:3 | unique_key is "custmer_id", but the model does not output this column | ' +
            "did you mean 'customer_id'?",
          'model.sums | models/m.yml:3 | event_time is "create_at", but the model does not output this column',
        ].sort((a, b) => found.indexOf(a) - found.indexOf(b)),
      );
      expect(found.filter((line) => line.startsWith('test.'))).toEqual([
        expect.stringMatching(/^test\.not_null_daily_dy \| models\/m\.yml:12 \| .*\bdy\b/),
      ]);
    });

    it('reports a broken contract', async () => {
      const type = dialect === 'postgres' ? ['bigint', 'text'] : ['Int64', 'String'];
      const found = await reports(dialect, {
        'models/kept.sql': "select id, amount from {{ ref('orders') }}",
        'models/m.yml':
          'models:\n  - name: kept\n    config: {contract: {enforced: true}}\n    columns:\n' +
          `      - {name: id, data_type: ${type[0]}}\n      - {name: amount, data_type: ${type[1]}}\n`,
      });
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/^model\.kept \| (?!not checked)/);
      expect(found[0]).toContain('This model has an enforced contract that failed.');
    });

    it('does not check what it cannot know', async () => {
      const found = await reports(dialect, {
        'models/more.yml': 'sources:\n  - name: raw2\n    tables:\n      - {name: a}\n',
        'models/a.sql': "select * from {{ source('raw2', 'a') }}",
        'models/b.sql': "select x from {{ ref('a') }}",
        'models/asks.sql': "{% set r = run_query('select 1') %}select id from {{ ref('orders') }}",
        'models/own.sql': "select my_function(id) as x from {{ ref('orders') }}",
        'models/other.sql': 'select id from other_schema.things',
      });
      expect(found.map((line) => line.replace(/^(\S+ \| not checked).*/, '$1')).sort()).toEqual(
        ['a', 'asks', 'b', 'other', 'own'].map((name) => `model.${name} | not checked`),
      );
    });

    it('does not report columns that the YAML of a source does not list', async () => {
      const type = dialect === 'postgres' ? 'bigint' : 'Int64';
      const found = await reports(dialect, {
        'models/more.yml':
          `sources:\n  - name: raw2\n    tables:\n      - {name: a, columns: [{name: id, data_type: ${type}}]}\n` +
          'models:\n  - {name: all_of_a, columns: [{name: id}, {name: added}]}\n',
        'models/all_of_a.sql': "select * from {{ source('raw2', 'a') }}",
        'models/more_of_a.sql': "select id, added from {{ ref('all_of_a') }}",
        'models/id_of_a.sql': "select id from {{ source('raw2', 'a') }}",
        'models/other.sql': "select id, added from {{ ref('id_of_a') }}",
      });
      expect(found.map((line) => line.split(' | ').slice(0, 2).join(' | '))).toEqual([
        'model.other | models/other.sql:1',
        'model.more_of_a | not checked',
      ]);
    });

    it('prints each mistake with a caret, and builds nothing', async () => {
      const files = { 'models/bad.sql': "select id,\n  amuont\nfrom {{ ref('orders') }}" };
      const { code, out } = await strict(dialect, files, ['build', '--strict']);
      expect(code).toBe(1);
      expect(out).toContain('Database Error in model bad (models/bad.sql)');
      expect(out).toContain('    models/bad.sql line 2, column 3\n        amuont\n        ^\n');
      expect(out).toMatch(/\d+ nodes checked, 0 not checked, 1 mistakes? found/);
    });
  });
}

it('accepts a query that is valid with a primary key of its source', async () => {
  const sql = "select id, status, count(*) as n from {{ source('raw', 'orders') }} group by id";
  expect(await reports('postgres', { 'models/keyed.sql': sql })).toEqual([
    'model.keyed | not checked | it is valid if the columns in GROUP BY are a primary key',
  ]);
});
