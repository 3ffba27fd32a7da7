// Tests `null_safe_keys`: NULL in a unique_key is a value like any other, for all strategies with a key on Postgres.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

describe('NULL in the key of an incremental model', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({});
  });
  afterAll(async () => {
    await project?.close();
  });

  /**
   * Runs a model of four rows, then replaces those with the value `a` in the first column and NULL.
   *
   * @returns all rows afterwards, sorted, as text
   */
  async function replaced(key: string, strategy: string, safe: boolean): Promise<string[]> {
    const model = (rows: string): string =>
      `{{ config(materialized='incremental', unique_key=${key}, incremental_strategy='${strategy}'` +
      `${safe ? ", meta={'tsdbt': {'null_safe_keys': true}}" : ''}) }}\n` +
      `select * from (values ${rows}) as r(id, "Part", v)`;
    project.write({
      'models/m.sql': model(`('a', 1, 'old'), ('a', null, 'old'), (null, null, 'old'), ('b', null, 'old')`),
    });
    const first = await project.run(['run', '--full-refresh']);
    expect(first.code, first.out).toBe(0);
    project.write({ 'models/m.sql': model(`('a', null, 'new'), (null, null, 'new'), ('c', 3, 'new')`) });
    const second = await project.run(['run']);
    expect(second.code, second.out).toBe(0);
    const rows = await project.rows('select id, "Part", v from s.m');
    return rows.map((row) => row.join(' ')).sort();
  }

  const COMPOSITE = `['id', '"Part"']`;
  it.each(['merge', 'delete+insert'])('is a value for %s', async (strategy) => {
    expect(await replaced(COMPOSITE, strategy, true)).toEqual([
      'a 1 old',
      'a null new',
      'b null old',
      'c 3 new',
      'null null new',
    ]);
    expect(await replaced(`'"Part"'`, 'delete+insert', true)).toEqual([
      'a 1 old',
      'a null new',
      'c 3 new',
      'null null new',
    ]);
  });

  it.each(['merge', 'delete+insert'])('matches nothing for %s without null_safe_keys, as in dbt', async (strategy) => {
    const rows = await replaced(COMPOSITE, strategy, false);
    expect(rows.filter((row) => row.startsWith('null'))).toEqual(['null null new', 'null null old']);
  });

  it('in a single key replaces the row with NULL by merge', async () => {
    const model = (value: string): string =>
      `{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge', ` +
      `meta={'tsdbt': {'null_safe_keys': true}}) }} ` +
      `select id, '${value}' as v from (values (1), (null)) as r(id)`;
    project.write({ 'models/m.sql': model('old') });
    expect((await project.run(['run', '--full-refresh'])).code).toBe(0);
    project.write({ 'models/m.sql': model('new') });
    expect((await project.run(['run'])).code).toBe(0);
    expect(await project.rows('select id, v from s.m order by id')).toEqual([
      ['1', 'new'],
      ['null', 'new'],
    ]);
  });
});
