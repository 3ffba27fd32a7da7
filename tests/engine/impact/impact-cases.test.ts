// The classes of changes, and on real servers: what is invisible to a reader leaves its rows as they are.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { type Dialect, shopFiles, writeFiles } from '../strict/planted-project.ts';
import { clickhouseAdapter, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import { run } from '../support/program.ts';
import { type ImpactCase, impactCases, TABLES } from './impact-cases.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-impact-'));
afterAll(() => rmSync(dir, { recursive: true }));
const ENV = { ...process.env, NO_COLOR: '1', DBT_SEND_ANONYMOUS_USAGE_STATS: 'false' };
const TYPES = {
  postgres: { int: 'integer', text: 'text' },
  clickhouse: { int: 'Int32', text: 'String' },
};

function sourcesFile(dialect: Dialect): string {
  const tables = Object.entries(TABLES).map(([name, columns]) => {
    const typed = Object.entries(columns).map(
      ([column, type]) => `{name: ${column}, data_type: ${TYPES[dialect][type]}}`,
    );
    return `{name: ${name}, columns: [${typed.join(', ')}]}`;
  });
  return `sources: [{name: raw, tables: [${tables.join(', ')}]}]\n`;
}

function withSources(sql: string): string {
  return sql
    .replace(/\b(from|join) ([tu]) (?=[ab]\b)/gi, "$1 {{ source('raw', '$2') }} ")
    .replace(/\b(from|join) ([tu])\b/gi, "$1 {{ source('raw', '$2') }} $2");
}

/** Changes and classes as in the cases, by number. */
async function impactOf(dialect: Dialect, cases: readonly ImpactCase[]): Promise<string[]> {
  const folder = join(dir, dialect);
  mkdirSync(folder);
  const { 'dbt_project.yml': project = '', 'profiles.yml': profile = '' } = shopFiles(dialect);
  writeFiles(folder, {
    'dbt_project.yml': project,
    'profiles.yml': profile,
    'models/sources.yml': sourcesFile(dialect),
    ...Object.fromEntries(
      cases.map(({ reader }, at) => [`models/r${at}.sql`, withSources(reader).replaceAll('$', `{{ ref('c${at}') }}`)]),
    ),
  });
  const write = (version: 'before' | 'after'): void =>
    writeFiles(folder, Object.fromEntries(cases.map((each, at) => [`models/c${at}.sql`, withSources(each[version])])));
  write('before');
  const options = ['--profiles-dir', '.'];
  const compiled = await run(['compile', '--no-introspect', '--no-populate-cache', ...options], {
    cwd: folder,
    env: ENV,
  });
  expect(compiled.code, compiled.out).toBe(0);
  mkdirSync(join(folder, 'state'));
  copyFileSync(join(folder, 'target/manifest.json'), join(folder, 'state/manifest.json'));
  write('after');
  const { code, out, stdout } = await run(['impact', '--state', 'state', '--output', 'json', ...options], {
    cwd: folder,
    env: ENV,
  });
  expect(code, out).toBe(1);
  const found = new Map<string, string>();
  for (const line of stdout.split('\n').filter((each) => each.startsWith('{'))) {
    const { node, changes, readers } = JSON.parse(line);
    const [, name = ''] = /^model\.shop\.(c\d+)$/.exec(node) ?? [];
    const texts = changes.map(({ column, change, now, reason }: Record<string, string>) => {
      if (column !== null) return `${column} ${change}${now === undefined ? '' : ` to ${now}`}`;
      return change === 'order' ? 'row order' : `rows ${reason}`;
    });
    found.set(name, `${texts.join(', ')} ;; ${readers[0]?.class}`);
  }
  return cases.map((_, at) => found.get(`c${at}`) ?? ' ;; none');
}

/** Rows of the reader with its columns, sorted; null if the server rejects the SQL. */
type RowsOf = (model: string, reader: string) => Promise<{ columns: string[]; rows: string[][] } | null>;

async function checkRows(cases: readonly ImpactCase[], rowsOf: RowsOf): Promise<void> {
  const wrong: string[] = [];
  let compared = 0;
  for (const { before, after, reader, class: expected } of cases) {
    if (expected === 'breaking') continue;
    const [old, now] = [await rowsOf(before, reader), await rowsOf(after, reader)];
    if (old === null || now === null) continue;
    compared++;
    const places = old.columns.map((column) => now.columns.indexOf(column));
    const kept = now.rows.map((row) => places.map((at) => row[at] ?? '')).map((row) => JSON.stringify(row));
    if (JSON.stringify(kept.sort()) !== JSON.stringify(old.rows.map((row) => JSON.stringify(row)).sort()))
      wrong.push(`${before} -> ${after}: ${reader}`);
  }
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(20);
}

for (const dialect of ['postgres', 'clickhouse'] as const) {
  describe.skipIf(dialect === 'clickhouse' && clickhouseMissing !== null)(`impact on ${dialect}`, () => {
    it('classifies the changes of the cases', { timeout: 300_000 }, async () => {
      const cases = impactCases(dialect);
      const found = await impactOf(dialect, cases);
      const short = (text: string): string =>
        text
          .replace(/its rows may be (aggregated)/, '$1')
          .replace(/\S+ may return (several) rows/, '$1')
          .replace(/(decides?) its rows/, '$1');
      const lines = cases.map(({ before, after, reader }) => `${before} -> ${after} | ${reader}`);
      expect(lines.map((line, at) => `${line} | ${short(found[at] ?? '')}`)).toEqual(
        lines.map((line, at) => `${line} | ${cases[at]?.changes} ;; ${cases[at]?.class}`),
      );
    });
  });
}

it('leaves the rows of readers on Postgres for which a change is not breaking', { timeout: 120_000 }, async () => {
  const project = await FaultProject.open({});
  try {
    await project.client.query(`
      create table t (id int, x int, y int, s text);
      create table u (id int, t_id int, v int);
      insert into t select i, i * 3 % 7, i * 5 % 11, 'k' || i % 4 from generate_series(1, 12) i;
      insert into u select i, i % 6 + 1, i * 7 % 5 from generate_series(1, 12) i`);
    await checkRows(impactCases('postgres'), async (model, reader) => {
      try {
        const text = reader.replaceAll('$', `(${model}) m`);
        const { rows, fields } = await project.client.query<unknown[]>({ text, rowMode: 'array' });
        return { columns: fields.map(({ name }) => name), rows: rows.map((row) => row.map(String)) };
      } catch {
        return null;
      }
    });
  } finally {
    await project.close();
  }
});

describe.skipIf(clickhouseMissing !== null)('impact on a ClickHouse server', () => {
  it('leaves the rows of readers for which a change is not breaking', { timeout: 120_000 }, async () => {
    const adapter = clickhouseAdapter('impact_rows');
    try {
      await textsOf(adapter, 'create database if not exists impact_rows');
      for (const sql of [
        'create table impact_rows.t (id Int32, x Int32, y Int32, s String) engine = ReplacingMergeTree order by id',
        'create table impact_rows.u (id Int32, t_id Int32, v Int32) engine = MergeTree order by id',
        'insert into impact_rows.t select number + 1, (number + 1) * 3 % 7, (number + 1) * 5 % 11, ' +
          'toString(number % 4) ' +
          'from numbers(12)',
        'insert into impact_rows.u select number + 1, number % 6 + 1, number * 7 % 5 from numbers(12)',
      ])
        await textsOf(adapter, sql);
      await checkRows(impactCases('clickhouse'), async (model, reader) => {
        const session = adapter.session({ name: 'test' });
        try {
          const { table } = await session.execute(reader.replaceAll('$', `(${model}) m`), { fetch: true });
          const rows = table.rows.map((row) => row.values.map((_, at) => row.textAt(at)));
          return { columns: [...table.columnNames], rows };
        } catch {
          return null;
        } finally {
          await session.release();
        }
      });
    } finally {
      await adapter.close();
    }
  });
});
