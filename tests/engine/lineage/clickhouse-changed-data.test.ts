// Holds the lineage of the cases against the real ClickHouse: a change of a column that is neither source nor use of an
// output column leaves its values, a change of a column that is passed on changes them, and names are the engine's.
import { afterAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { parsingEngine } from '../../../src/adapters/index.ts';
import { createLineageDialect } from '../../../src/lineage/create-dialect.ts';
import { clickhouseAdapter, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import { CASES, TABLES } from './clickhouse-cases.ts';
import { casesOf, parentsOf } from './written-lineage.ts';

const CREATED: Readonly<Record<string, string>> = {
  a: `(id UInt32, x Int32, y Int32, s String, tags Array(Int32), m Map(String, Int32), pair Tuple(p Int32, q String))
    engine = ReplacingMergeTree order by id sample by id`,
  b: '(id UInt32, a_id UInt32, v Int32, d DateTime) engine = MergeTree order by id',
  c: '(id UInt32, b_id UInt32, w Int32) engine = MergeTree order by id',
  nest: '(id UInt32, items Nested(k Int32, w String)) engine = MergeTree order by id',
  q: '(`Id` Int32, `x y` Int32, `a.b` Int32) engine = MergeTree order by `Id`',
  d: '(id Int32) engine = MergeTree order by id',
};
const ROWS: Readonly<Record<string, string>> = {
  a: `number + 1, (number + 1) * 3 % 7, (number + 1) * 5 % 11, 'k' || toString(number % 4), [number, number % 3],
    map('k', number), (number * 2, 'q' || toString(number))`,
  b: "number + 1, number % 6 + 1, number * 7 % 5, toDateTime('2024-01-01 00:00:00') + interval number * 40 day",
  c: 'number + 1, number % 5 + 1, number * 11 % 13',
  nest: "number + 1, [number, 3], ['k', toString(number)]",
  q: 'number, number * 2, number * 3',
  d: 'number',
};
/** Changes of columns that are not integers. */
const CHANGES: Readonly<Record<string, string>> = {
  s: "s || 'z'",
  tags: 'arrayPushBack(tags, 9)',
  m: "map('k', m['k'] + 99)",
  pair: "(pair.1 + 50, pair.2 || 'z')",
  d: 'd + interval 400 day',
  'items.k': 'arrayMap(e -> e + 50, items.k)',
  'items.w': "arrayMap(e -> e || 'z', items.w)",
};
/** Queries whose rows depend on an order, the clock or chance. */
const NOT_REPEATED = /\blimit\b|\bany\b|\bany\(|sample|over\b|now\(\)|rand\(|distinct on|topK|paste|asof/;
const quoted = (name: string): string => `\`${name}\``;

const adapters: ClickHouseAdapter[] = [];
afterAll(() => Promise.all(adapters.map((adapter) => adapter.close())));

/** A database with the tables, one column of which is changed. */
async function databaseOf(name: string, changed: string, column: string): Promise<ClickHouseAdapter> {
  const adapter = clickhouseAdapter(name);
  adapters.push(adapter);
  await textsOf(adapter, `create database if not exists ${name}`);
  for (const [table, columns] of Object.entries(CREATED)) {
    await textsOf(adapter, `create table ${name}.${table} ${columns}`);
    const names = TABLES[table] ?? [];
    const plain = `select ${ROWS[table]} from numbers(12)`;
    await textsOf(adapter, `insert into ${name}.${table} (${names.map(quoted).join(', ')}) ${plain}`);
    if (table !== changed) continue;
    const value = (table === 'd' ? undefined : CHANGES[column]) ?? `${quoted(column)} + 50`;
    const all = names.map((each) => (each === column ? value : quoted(each))).join(', ');
    await textsOf(adapter, `create table ${name}.changed as ${name}.${table}`);
    await textsOf(adapter, `insert into ${name}.changed select ${all} from ${name}.${table}`);
    await textsOf(adapter, `exchange tables ${name}.changed and ${name}.${table}`);
    await textsOf(adapter, `drop table ${name}.changed`);
  }
  return adapter;
}

/** The names and sorted values of the output columns; null: the server rejects the query. */
async function valuesOf(
  adapter: ClickHouseAdapter,
  sql: string,
): Promise<{ names: string[]; values: string[] } | null> {
  const session = adapter.session({ name: 'test' });
  try {
    const { table } = await session.execute(sql, { fetch: true });
    const rows = table.rows.map((row) => row.values.map((_, at) => row.textAt(at)));
    const names = [...table.columnNames];
    return { names, values: names.map((_, at) => JSON.stringify(rows.map((row) => row[at]).sort())) };
  } catch {
    return null;
  } finally {
    await session.release();
  }
}

describe.skipIf(clickhouseMissing !== null)('lineage of ClickHouse', () => {
  it('of the cases is that of the server', { timeout: 600_000 }, async () => {
    const dialect = await createLineageDialect('clickhouse', () => parsingEngine('clickhouse', process.cwd()));
    const parents = parentsOf(TABLES);
    const base = await databaseOf('lineage_base', '', '');
    const wrong: string[] = [];
    let [kept, passedOn, named] = [0, 0, 0];
    const cases: { sql: string; lineage: Awaited<ReturnType<typeof dialect.columns>>; before: string[] }[] = [];
    for (const [sql] of Object.values(CASES).flatMap(casesOf)) {
      const lineage = await dialect.columns(sql, parents);
      const before = await valuesOf(base, sql);
      if (before === null) continue;
      const ours = lineage.columns.map(({ column }) => column);
      if (!ours.includes('*')) {
        named++;
        if (JSON.stringify(ours) !== JSON.stringify(before.names)) wrong.push(`${sql}: columns are ${before.names}`);
      }
      if (!NOT_REPEATED.test(sql) && before.names.length === ours.length)
        cases.push({ sql, lineage, before: before.values });
    }
    await dialect.close();
    for (const [table, names] of Object.entries(TABLES).filter(([name]) => CREATED[name] !== undefined)) {
      for (const [index, name] of names.entries()) {
        const changed = await databaseOf(`lineage_${table}_${index}`, table, name);
        for (const { sql, lineage, before } of cases) {
          if (!new RegExp(`\\b${table}\\b`).test(sql)) continue;
          const after = await valuesOf(changed, sql);
          if (after === null) continue;
          lineage.columns.forEach(({ column, reason, sources, uses: own }, at) => {
            if (reason !== null) return;
            const isThis = (each: { readonly node: string; readonly column: string }): boolean =>
              each.column === name && each.node === table;
            const differs = after.values[at] !== before[at];
            const source = sources.find(isThis);
            if (source === undefined) {
              if ([...lineage.uses, ...own].some(isThis)) return;
              kept++;
              if (differs) wrong.push(`${sql}: ${column} follows ${table}.${name}`);
            } else if (['identical', 'renamed', 'cast'].includes(source.kind) && before[at] !== '[]') {
              passedOn++;
              if (!differs) wrong.push(`${sql}: ${column} does not follow ${table}.${name}`);
            }
          });
        }
      }
    }
    expect(wrong).toEqual([]);
    expect([kept, passedOn, named].map((count, at) => count > ([1_000, 150, 150][at] ?? 0))).toEqual([
      true,
      true,
      true,
    ]);
  });
});
