// Tests that the conditions of a project are not mixed with those that the engine adds.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';
import { FaultProject } from './project.ts';

/** A table of three keys, to which a run brings a new version of key 1. */
const sql = (config: string, predicate: string): string =>
  `{{ config(materialized='incremental', unique_key='id', incremental_predicates=["${predicate}"], ${config}) }} ` +
  `{% if is_incremental() %} select 1 as id, 'new' as v {% else %} ` +
  `select 1 as id, 'old' as v union all select 2, 'kept' union all select 3, 'kept' {% endif %}`;
const KEPT = [
  ['1', 'new'],
  ['2', 'kept'],
  ['3', 'kept'],
];

describe('an OR in incremental_predicates deletes no rows of other keys', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({});
  });
  afterAll(async () => {
    await project?.close();
  });

  it.each([
    ['delete+insert', "v = 'old' or v = 'kept'"],
    ['delete+insert', "v = 'old' or v = 'kept' -- both"],
    ['merge', "DBT_INTERNAL_DEST.v = 'old' or DBT_INTERNAL_DEST.v = 'kept'"],
  ])('by %s on Postgres: %s', async (strategy, predicate) => {
    project.write({ 'models/m.sql': sql(`incremental_strategy='${strategy}'`, predicate) });
    for (const args of [['--full-refresh'], []]) {
      const { code, out } = await project.run(['run', ...args]);
      expect(code, out).toBe(0);
    }
    expect(await project.rows('select id, v from s.m order by id')).toEqual(KEPT);
  });

  it.skipIf(clickhouseMissing !== null)('by delete_insert on ClickHouse', async () => {
    const lab = await ClickhouseLab.open({
      'models/m.sql': sql("incremental_strategy='delete_insert'", "v = 'old' or v = 'kept' -- both"),
    });
    try {
      for (let i = 0; i < 2; i++) {
        const { code, out } = await lab.run(['run']);
        expect(code, out).toBe(0);
      }
      expect(await lab.rows('select id, v from s.m order by id')).toEqual(KEPT.map(([id, v]) => [Number(id), v]));
    } finally {
      await lab.close();
    }
  });
});
