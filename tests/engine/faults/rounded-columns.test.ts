// A column whose table has a narrower type than the query: the database rounds its values without an error.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

describe('a value that the type of its column would round', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({});
  });
  afterAll(async () => {
    await project?.close();
  });

  /** @returns what the second run printed, and the values */
  async function added(first: string, second: string): Promise<{ out: string; values: string[] }> {
    for (const [value, args] of [[first, ['--full-refresh']] as const, [second, []] as const]) {
      project.write({ 'models/m.sql': `{{ config(materialized='incremental') }} select ${value} as v` });
      const { code, out } = await project.run(['run', '-s', 'm', ...args]);
      expect(code, out).toBe(0);
      if (args.length === 0) {
        const values = (await project.rows('select v::text from s.m order by 1')).flat();
        return { out: out.replaceAll(/\s+/g, ' '), values };
      }
    }
    throw new Error('the second run is the last one');
  }

  it.each([
    ['1::int', '1.6::numeric', 'integer', 'numeric', '2'],
    ['1::numeric(10,2)', '1.23456::numeric', 'numeric(10,2)', 'numeric', '1.23'],
    ["date '2024-01-01'", "timestamp '2024-06-01 13:14:15'", 'date', 'timestamp without time zone', '2024-06-01'],
  ])('is named in a warning of an incremental model: %s, then %s', async (first, second, type, newType, kept) => {
    const { out, values } = await added(first, second);
    expect(values).toContain(kept);
    expect(out).toMatch(/Values of the column v of \S*"m" are rounded: it is /);
    expect(out).toContain(`it is ${type}, but the query returns ${newType}.`);
  });

  it.each([
    ['1::bigint', '2::numeric'],
    ['1::numeric', '2::int'],
    ['1::int', '2::bigint'],
    ["date '2024-01-01'", "timestamp '2024-06-01 00:00:00'"],
  ])('is not assumed: %s, then %s', async (first, second) => {
    const { out } = await added(first, second);
    expect(out).not.toContain('are rounded');
  });

  it('widens the column of a snapshot, which would otherwise get a new version in each run', async () => {
    await project.client.query('create table public.src as select 1 as id, 1::int as v');
    project.write({
      'snapshots/sn.sql':
        "{% snapshot sn %}{{ config(unique_key='id', strategy='check', check_cols='all', target_schema='s') }} " +
        'select * from public.src {% endsnapshot %}',
    });
    expect((await project.run(['snapshot'])).code).toBe(0);
    await project.client.query('create view s.reads as select v from s.sn');
    await project.client.query('alter table public.src alter v type numeric');
    await project.client.query('update public.src set v = 1.5');
    for (let i = 0; i < 2; i++) {
      const { code, out } = await project.run(['snapshot']);
      expect(code, out).toBe(0);
    }
    expect(await project.rows('select v, dbt_valid_to is null from s.sn order by v')).toEqual([
      ['1', 'false'],
      ['1.5', 'true'],
    ]);
    expect(await project.rows('select v from s.reads order by v')).toEqual([['1'], ['1.5']]);
  });
});
