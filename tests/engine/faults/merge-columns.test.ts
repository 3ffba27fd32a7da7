// Tests merge_update_columns and merge_exclude_columns: names are those of the database, and settings without effect
// are reported.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';
import { FaultProject } from './project.ts';

describe('the columns that a merge updates', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({});
  });
  afterAll(async () => {
    await project?.close();
  });

  /** Runs the model twice: the row of key 1 changes in all columns, and key 2 comes. @returns the row of key 1 */
  async function merged(
    config: string,
    strategy = 'merge',
  ): Promise<{ code: number | null; out: string; row: string[] }> {
    const sql = (value: string, rows: number): string =>
      `{{ config(materialized='incremental', unique_key='id', incremental_strategy='${strategy}', ${config}) }} ` +
      `select g as id, '${value}' as v, '${value}' as "Big Name", '${value}' as w from generate_series(1, ${rows}) g`;
    project.write({ 'models/m.sql': sql('old', 1) });
    const first = await project.run(['run', '--full-refresh']);
    expect(first.code, first.out).toBe(0);
    project.write({ 'models/m.sql': sql('new', 2) });
    const { code, out } = await project.run(['run']);
    const [row = []] = await project.rows('select v, "Big Name", w from s.m where id = 1');
    expect(await project.one('select count(*) from s.m')).toBe(code === 0 ? '2' : '1');
    return { code, out: out.replaceAll(/\s+/g, ' '), row };
  }

  it.each([
    ["merge_update_columns=['v']", 'new old old'],
    ["merge_update_columns=['V', 'v']", 'new old old'],
    [`merge_update_columns=['"v"', '"Big Name"']`, 'new new old'],
    ["merge_update_columns=['big name']", 'old new old'],
    ["merge_update_columns='v'", 'new old old'],
    ["merge_exclude_columns=['id', 'v']", 'old new new'],
    [`merge_exclude_columns=['"v"']`, 'old new new'],
    [`merge_exclude_columns=['"Big Name"', 'W']`, 'new old old'],
    ["merge_exclude_columns='v'", 'old new new'],
    ['merge_exclude_columns=[]', 'new new new'],
    ["merge_exclude_columns=['id', 'v', 'w', 'Big Name']", 'old old old'],
  ])('are those of %s', async (config, expected) => {
    const { code, out, row } = await merged(config);
    expect(code, out).toBe(0);
    expect(row.join(' ')).toBe(expected);
  });

  it.each([
    ['merge_update_columns', 'x'],
    ['merge_update_columns', '"V"'],
    ['merge_exclude_columns', 'x'],
    ['merge_exclude_columns', '"V"'],
  ])('are rejected if %s names %s, with the columns of the model', async (option, name) => {
    const { code, out, row } = await merged(`${option}=['w', '${name}']`);
    expect(code).toBe(1);
    expect(out).toContain(
      `${option} names the column ${name}, which the model does not have. Its columns are: id, v, Big Name, w`,
    );
    expect(row.join(' ')).toBe('old old old');
  });

  it('are rejected if the list is empty', async () => {
    const { code, out, row } = await merged('merge_update_columns=[]');
    expect(code).toBe(1);
    expect(out).toContain('merge_update_columns is an empty list.');
    expect(row.join(' ')).toBe('old old old');
  });

  it('are named in a warning if the strategy replaces whole rows', async () => {
    const { code, out } = await merged("merge_update_columns=['v']", 'delete+insert');
    expect(code).toBe(0);
    expect(out).toMatch(/merge_update_columns of \S*"m" has no effect: the strategy 'delete\+insert' replaces whole/);
  });

  it.skipIf(clickhouseMissing !== null)('are named in a warning on ClickHouse', async () => {
    const lab = await ClickhouseLab.open({
      'models/m.sql':
        "{{ config(materialized='incremental', unique_key='id', merge_exclude_columns=['v']) }} select 1 as id, 2 as v",
    });
    try {
      await lab.run(['run']);
      const { code, out } = await lab.run(['run']);
      expect(code, out).toBe(0);
      expect(out.replaceAll(/\s+/g, ' ')).toMatch(
        /merge_exclude_columns of \S*`m` has no effect: the strategy '\w+' repl/,
      );
    } finally {
      await lab.close();
    }
  });
});
