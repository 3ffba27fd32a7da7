// Tests the views of a ClickHouse materialized view model: sections of the model's SQL, their names, and what happens
// when the model changes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';

const KINDS = ['table', 'incremental', 'view'] as const;
const config = (kind: string): string =>
  `{{ config(materialized='${kind}', order_by='n'${kind === 'view' ? ", engine='MergeTree()'" : ''}) }}\n`;

describe.skipIf(clickhouseMissing !== null)('the views of a ClickHouse model', () => {
  let lab: ClickhouseLab;
  beforeAll(async () => {
    lab = await ClickhouseLab.open({});
    await lab.rows('create database x');
    await lab.rows('create table x.src (n UInt64) engine = MergeTree order by n');
    await lab.rows('insert into x.src select number from numbers(10)');
  });
  afterAll(() => lab.close());

  const run = async (...args: string[]): Promise<string> => {
    const { code, out } = await lab.run(['run', ...args]);
    expect(code, out).toBe(0);
    return out;
  };
  const views = async (): Promise<string[]> =>
    (
      await lab.rows("select name from system.tables where engine = 'MaterializedView' order by name")
    ).flat() as string[];
  const count = async (name: string): Promise<unknown> => (await lab.rows(`select count() from s.${name}`))[0]![0];
  const section = (name: string, where = 'n >= 0'): string =>
    `--${name}:begin\nselect n from x.src where ${where}\n--${name}:end\n`;

  it('are dropped when it becomes a table, an incremental model or a view, and no others', async () => {
    for (const kind of KINDS) lab.write({ [`models/was_${kind}.sql`]: config('materialized_view') + section('a') });
    await run();
    await lab.rows('create materialized view s.was_table_others to s.was_table as select n from x.src where n > 100');
    expect(await views()).toEqual(['was_incremental_a', 'was_table_a', 'was_table_others', 'was_view_a']);
    for (const kind of KINDS) lab.write({ [`models/was_${kind}.sql`]: `${config(kind)}select n from x.src` });
    await run();
    expect(await views()).toEqual(['was_table_others']);
    await lab.rows('drop view s.was_table_others');
    await lab.rows('insert into x.src values (1000)');
    expect(await Promise.all(KINDS.map((kind) => count(`was_${kind}`)))).toEqual([10, 20, 11]);
    for (const kind of KINDS) lab.remove(`models/was_${kind}.sql`);
  });

  it('see each row once when a section is renamed, and a removed section drops its view', async () => {
    const write = (text: string): void => lab.write({ 'models/named.sql': config('materialized_view') + text });
    write(section('a'));
    await run();
    const before = Number(await count('named'));
    write(section('b'));
    await run();
    expect(await views()).toEqual(['named_b']);
    await lab.rows('insert into x.src values (1001)');
    expect(await count('named')).toBe(before + 1);
    write(`${section('b', 'n < 2000')}union all\n${section('c', 'n >= 2000')}`);
    await run();
    expect(await views()).toEqual(['named_b', 'named_c']);
    write(section('c'));
    await run();
    expect(await views()).toEqual(['named_c']);
    await lab.rows('insert into x.src values (1002), (2001)');
    expect(await count('named')).toBe(before + 3);
    lab.remove('models/named.sql');
    await lab.rows('drop view s.named_c');
  });

  const select = 'select n from x.src\n';
  it.each([
    ['a second blank', `--  a:begin\n${select}--  a:end\n`, '"--  a:begin" in models/bad.sql, line 2. Expected'],
    ['capitals', `--a:BEGIN\n${select}--a:END\n`, '"--a:BEGIN" in models/bad.sql, line 2. Expected'],
    ['a blank before the colon', `--a :begin\n${select}--a :end\n`, '"--a :begin" in models/bad.sql, line 2. Expected'],
    [
      'the same name twice',
      `${section('a')}union all\n${section('a', 'n > 1')}`,
      '"--a:begin" in models/bad.sql, line 6. A section "a" exists already.',
    ],
    ['no end', `--a:begin\n${select}`, '"--a:begin" in models/bad.sql, line 2. The section does not end'],
    ['no beginning', `${select}--a:end\n`, '"--a:end" in models/bad.sql, line 3. No section is open'],
    [
      'the end of another',
      `--a:begin\n${select}--b:end\n`,
      '"--b:end" in models/bad.sql, line 4. The open section is "a".',
    ],
    [
      'a section in a section',
      `--a:begin\n--b:begin\n${select}--b:end\n--a:end\n`,
      '"--b:begin" in models/bad.sql, line 3. The section "a" has not ended.',
    ],
  ])('are not built if a section marker has %s, and the error names the line', async (_title, sql, text) => {
    lab.write({ 'models/bad.sql': config('materialized_view') + sql });
    const { code, out } = await lab.run(['run', '-s', 'bad']);
    lab.remove('models/bad.sql');
    expect(code).toBe(1);
    expect(out.replace(/\s+/g, ' ')).toContain(text.replace(/\s+/g, ' '));
    expect(await lab.rows("select name from system.tables where database = 's' and name like 'bad%'")).toEqual([]);
  });

  it('ignore a comment with a colon, which is not a marker', async () => {
    lab.write({
      'models/plain.sql':
        `${config('materialized_view')}-- note: begin with all rows\n` + `--at the end: nothing\n${select}`,
    });
    await run('-s', 'plain');
    expect(await views()).toContain('plain_mv');
    lab.remove('models/plain.sql');
  });
});
