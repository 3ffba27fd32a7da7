// Column lineage of ClickHouse queries: the table of cases, reasons of what is not known, input of any size, and that
// nothing is executed.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsingEngine } from '../../../src/adapters/index.ts';
import type { LineageDialect } from '../../../src/lineage/column-lineage.ts';
import { createLineageDialect } from '../../../src/lineage/create-dialect.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { CASES, TABLES } from './clickhouse-cases.ts';
import { casesOf, parentsOf, written } from './written-lineage.ts';

let dialect: LineageDialect;
const parents = parentsOf(TABLES);
const lineage = async (sql: string): Promise<string> => written(await dialect.columns(sql, parents));
const reasonOf = async (sql: string): Promise<string | null | undefined> =>
  (await dialect.columns(sql, parents)).columns.find(({ reason }) => reason !== null)?.reason;

describe.skipIf(clickhouseMissing !== null)('lineage of ClickHouse', () => {
  beforeAll(async () => {
    dialect = await createLineageDialect('clickhouse', () => parsingEngine('clickhouse', process.cwd()));
  });
  afterAll(() => dialect?.close());

  for (const [title, table] of Object.entries(CASES)) {
    describe(title, () => {
      it.each(casesOf(table))('%s', async (sql, expected) => {
        expect(await lineage(sql)).toBe(expected);
      });
    });
  }

  it.each([
    ['select * from u', 'the columns of u are not known'],
    ['select id from a join b on a.id = b.id join c on b.id = c.id', 'column "id" is ambiguous'],
    ['select k from u, d', 'column "k" can be of u or d, whose columns are not known'],
    ['select nothing from c', 'column "nothing" is not found'],
    ['select x + (select max(v) from b) from a', 'its name is not known: give it an alias'],
    ["select * from s3('http://127.0.0.1/k', 'CSV')", 'the columns of the table function s3 are not known'],
    ['', 'the SQL is empty'],
    ['select 1; select 2', 'the SQL is 2 statements'],
    ['insert into a select 1', 'the SQL is not a SELECT'],
    ['select x\nfrom a\n  wher y', 'the SQL cannot be parsed: found y at line 3, column 8'],
    ["\n\n select 'x' x y from a", 'the SQL cannot be parsed: found y at line 3, column 15'],
    ['select \\x from a', 'the SQL has a sign outside of texts whose meaning is uncertain, such as a backslash or `$`'],
  ])('%s is unknown with a reason', async (sql, reason) => {
    expect(await reasonOf(sql)).toBe(reason);
  });

  it('keeps names with line breaks and with the words of the tree', async () => {
    expect((await dialect.columns('select x as `k\n  WHERE` from a', parents)).columns).toEqual([
      { column: 'k\n  WHERE', reason: null, sources: [{ node: 'a', column: 'x', kind: 'renamed' }], uses: [] },
    ]);
    expect(await lineage("select 'QUERY id: 0, alias: z\n  WHERE' as k from a where s != ', alias: q'")).toBe(
      'k <- | f a.s',
    );
  });

  it('accepts 10,000 columns', { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `c${at}`);
    const { columns } = await dialect.columns(
      `with t as (select * from wide) select ${names.map((name) => `${name} + 1 as ${name}`).join(', ')} from t`,
      parentsOf({ wide: names }),
    );
    expect(columns.length).toBe(10_000);
    expect(columns.at(-1)).toEqual({
      column: 'c9999',
      reason: null,
      sources: [{ node: 'wide', column: 'c9999', kind: 'expression' }],
      uses: [],
    });
  });

  it('accepts deep nesting, long texts and aliases that repeat aliases', { timeout: 60_000 }, async () => {
    const nested = (depth: number): string => `select ${'('.repeat(depth)}x${' + 1)'.repeat(depth)} as k from a`;
    expect(await lineage(nested(100))).toBe('k <- a.x:e');
    expect(['k <- a.x:e', '? *']).toContain(await lineage(nested(5_000)));
    expect(await lineage(`select x as k /* ${'k'.repeat(1_000_000)} */ from a`)).toBe('k <- a.x:r');
    const doubled = Array.from({ length: 60 }, (_, at) => `k${at} + k${at} as k${at + 1}`);
    expect(await lineage(`with x as k0, ${doubled.join(', ')} select k60 as k from a`)).toBe('k <- a.x:e');
    const entangled = Array.from({ length: 60 }, (_, at) => `k${(at + 1) % 60} + k${(at + 7) % 60} as k${at}`);
    expect(await reasonOf(`select ${entangled.join(', ')} from a`)).not.toBe(undefined);
    expect(await lineage('select x from a')).toBe('x <- a.x:i');
  });

  it('executes nothing: no request, no file, no function that waits', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsdbt-lineage-hostile-'));
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end('1');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const place = `http://127.0.0.1:${port}/k`;
    const out = join(folder, 'out');
    try {
      for (const sql of [
        `select * from url('${place}', 'CSV')`,
        `select * from url('${place}', 'CSV', 'k String')`,
        `select (select max(k) from url('${place}', 'CSV', 'k Int32')) as k from a`,
        `with (select * from url('${place}', 'CSV', 'k Int32')) as k select k from a`,
        `select x from a where x in (select k from url('${place}', 'CSV', 'k Int32'))`,
        `select * from s3('${place}', 'CSV')`,
        `select * from remote('127.0.0.1:${port}', system.one)`,
        `select * from postgresql('127.0.0.1:${port}', 'd', 't', 'u', 'p')`,
        `select * from mysql('127.0.0.1:${port}', 'd', 't', 'u', 'p')`,
        `select * from iceberg('${place}')`,
        `select * from file('/etc/passwd', 'LineAsString')`,
        `select * from executable('touch ${out}', 'TSV', 'k String')`,
        `select file('/etc/passwd') as k`,
        `select 1 into outfile '${out}'`,
        `select 1; select 1 into outfile '${out}'`,
        `select 1 /* ; */; create table k engine = URL('${place}') as select 1`,
        `create table k engine = File(CSV, '${out}') as select 1`,
        `select 1 format Null; select * from url('${place}', 'CSV', 'k String')`,
        'select sleep(3), sleepEachRow(3) as k from numbers(1000)',
        'select count() as n from numbers(1000000000000)',
        'select (select count() from numbers(1000000000000)) as n',
      ]) {
        const { columns } = await dialect.columns(sql, parents);
        expect(JSON.stringify(columns)).not.toMatch(/root:/);
      }
      expect(requests).toBe(0);
      expect(existsSync(out)).toBe(false);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
});
