// How changes of relations pass through a query, and what the query's own changes mean. No project, no database.
import { beforeAll, describe, expect, it } from 'vitest';
import type { LineageDialect } from '../../../src/lineage/column-lineage.ts';
import { createLineageDialect } from '../../../src/lineage/create-dialect.ts';
import { compareQueries, type RelationChange } from '../../../src/lineage/query-changes.ts';
import { noEngine, parentsOf } from '../lineage/written-lineage.ts';

let dialect: LineageDialect;
beforeAll(async () => {
  dialect = await createLineageDialect('postgres', noEngine);
});

const OLD = { t: ['id', 'x', 'y'], u: ['id', 'v'] };
const own = new Set(['t']);
/** Changes of `t`. */
const CHANGES: Readonly<Record<string, RelationChange>> = {
  values: { columns: [{ column: 'x', kind: 'values', causes: own }], rows: [] },
  removed: { columns: [{ column: 'x', kind: 'removed', causes: own }], rows: [] },
  renamed: { columns: [{ column: 'x', kind: 'renamed', now: 'z', causes: own }], rows: [] },
  added: { columns: [{ column: 'z', kind: 'added', causes: own }], rows: [] },
  rows: { columns: [], rows: [{ kind: 'rows', reason: 'where', causes: own }] },
  order: { columns: [], rows: [{ kind: 'order', reason: 'order by', causes: own }] },
};
const NEW: Readonly<Record<string, readonly string[]>> = {
  removed: ['id', 'y'],
  renamed: ['id', 'z', 'y'],
  added: ['id', 'x', 'y', 'z'],
};

/** The changes of a query after a change of `t`: each with `own`, or what it comes from. */
async function changed(kind: string, before: string, now = before): Promise<string[]> {
  const versions = [
    { sql: before, parents: parentsOf(OLD) },
    { sql: now, parents: parentsOf({ ...OLD, t: NEW[kind] ?? OLD.t }) },
  ] as const;
  const { columns, rows } = await compareQueries(dialect, versions, (id) => (id === 't' ? CHANGES[kind] : undefined));
  const from = (causes: ReadonlySet<string>): string => [...causes].map((cause) => cause || 'own').join(' and ');
  return [
    ...columns.map((each) => `${each.column} ${each.kind} by ${from(each.causes)}`),
    ...rows.map((each) => `${each.kind} by ${from(each.causes)}`),
  ];
}

describe('a change of a relation', () => {
  it('passes values on to the columns that come from it', async () => {
    expect(await changed('values', 'select id, x + 1 as k from t')).toEqual(['k values by t']);
    expect(await changed('values', 'with a as (select id, x as k from t) select id, k as m from a')).toEqual([
      'm values by t',
    ]);
    expect(await changed('values', 'select id, row_number() over (order by x) as n from t')).toEqual(['n values by t']);
  });

  it('changes the rows of queries that filter, join, group or limit by the column', async () => {
    for (const sql of [
      'select id from t where x > 1',
      'select u.id from t join u on u.id = t.x',
      'select count(*) as n from t group by x',
      'select id from t order by x limit 3',
      'select v from u where exists (select 1 from t where t.x = u.id)',
      'select id from (select id, row_number() over (order by x) as n from t) q where n = 1',
    ])
      expect(await changed('values', sql), sql).toContain('rows by t');
    expect(await changed('values', 'select id from t order by x')).toEqual([]);
  });

  it('breaks readers of a removed column that still read it', async () => {
    expect(await changed('removed', 'select id, x from t')).toEqual(['x values by t']);
    expect(await changed('removed', 'select * from t')).toEqual(['x removed by t']);
    expect(await changed('removed', 'select id, y from t')).toEqual([]);
    expect(await changed('removed', 'select id, x from t', 'select id, y as x from t')).toEqual(['x values by own']);
  });

  it('follows a renamed column into readers that use its new name', async () => {
    expect(await changed('renamed', 'select id, x from t', 'select id, z as x from t')).toEqual([]);
    expect(await changed('renamed', 'select id, x + y as k from t', 'select id, z + y as k from t')).toEqual([]);
    expect(await changed('renamed', 'select id from t where x > 1', 'select id from t where z > 1')).toEqual([]);
    expect(await changed('renamed', 'select id, x from t')).toEqual(['x values by t']);
    expect(await changed('renamed', 'select id, y from t', 'select id, z as y from t')).toEqual(['y values by own']);
  });

  it('adds a column to `select *` only', async () => {
    expect(await changed('added', 'select * from t')).toEqual(['z added by t']);
    expect(await changed('added', 'with a as (select * from t) select * from a')).toEqual(['z added by t']);
    expect(await changed('added', 'select id, x from t')).toEqual([]);
    expect(await changed('added', 'select distinct * from t')).toContain('rows by t');
  });

  it('changes the rows of all readers, also without columns', async () => {
    expect(await changed('rows', 'select count(*) as n from t')).toEqual(['rows by t']);
    expect(await changed('rows', 'with a as (select 1 as one from t) select one from a')).toEqual(['rows by t']);
    expect(await changed('rows', 'select id from u')).toEqual([]);
  });

  it('changes rows by the order of rows only where it matters', async () => {
    expect(await changed('order', 'select id, x from t')).toEqual(['order by t']);
    expect(await changed('order', 'select id, x from t limit 3')).toEqual(['rows by t']);
    expect(await changed('order', 'select array_agg(id) as ids from t')).toEqual(['rows by t']);
  });
});

describe('a change of the query', () => {
  it('is compared by CTE, also if CTEs are added or in another order', async () => {
    const before = 'with a as (select id, x from t), b as (select id, x from a) select id, x from b';
    expect(await changed('', before, before.replace('x from t)', 'y as x from t)'))).toEqual(['x values by own']);
    expect(await changed('', before, before.replace('with ', 'with c as (select id from u), '))).toEqual([]);
    expect(await changed('', before, before.replace('from b', 'from b where x > 1'))).toEqual(['rows by own']);
  });

  it('changes rows if the names of the columns are not known', async () => {
    const before = 'select *, 1 as k from unknown_relation';
    expect(await changed('', before, before.replace('1', '2'))).toEqual(['rows by own']);
    expect(await changed('', before, before.replace(' as', '  as'))).toEqual([]);
    expect(await changed('', 'select id, x from t', 'select y as id, x, x from t')).toEqual(['rows by own']);
  });

  it('keeps values of columns that are listed instead of `*`', async () => {
    expect(await changed('', 'select * from t', 'select t.id, x, t.y from t')).toEqual([]);
    expect(
      await changed('', 'select a.id from t a join t b on a.x = b.y', 'select b.id from t a join t b on a.x = b.y'),
    ).toEqual(['id values by own']);
  });
});
