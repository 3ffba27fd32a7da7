// Tests the report of `load check` about unsuitable ClickHouse tables, before anything is written.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';

describe.skipIf(clickhouseMissing !== null)('the check of a ClickHouse table', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('sink_problems');
  });
  afterAll(() => lab.close());

  const META =
    "_topic String, _partition Int32, _offset UInt64, _kafka_ts DateTime64(3, 'UTC'), _loaded_at DateTime64(3), " +
    '_load_id String, _deleted Bool, _rest String';
  const WINDOW = 'settings non_replicated_deduplication_window = 10000';
  const name = ({ schema, identifier }: LoadTarget): string => `${schema}.${identifier}`;

  it.each([
    [
      { id: 'timestamptz' },
      "column 'id' is declared as timestamptz, which is no type of this database: declare DateTime64",
    ],
    [{ id: 'Nothing at all' }, 'which is no type of this database'],
    [{ id: 'AggregateFunction(sum, UInt8)' }, 'which the loader cannot write'],
    [{ id: 'Dynamic' }, 'which the loader cannot write'],
  ])('rejects %o', async (columns, words) => {
    expect(await lab.sink.problems(lab.target(columns))).toEqual([expect.stringContaining(words)]);
  });

  it('rejects a Nullable key before the table is created, and never afterwards', async () => {
    const target = lab.target({ id: 'Nullable(Int64)' }, { mode: 'upsert', key: ['id'] });
    expect(await lab.sink.problems(target)).toEqual([expect.stringContaining('declare it without Nullable')]);
    await expect(lab.load(target)).rejects.toThrow('declare it without Nullable');
  });

  it.each([
    ['append', `id Int32, ${META}`, 'MergeTree order by id', ["column 'id' is declared as Int64, and # has Int32"]],
    [
      'append',
      `id LowCardinality(Nullable(String)), ${META}`,
      'MergeTree order by tuple()',
      ['has LowCardinality(Nullable(String))'],
    ],
    ['append', `id Nullable(Int64), ${META}`, 'MergeTree order by tuple()', []],
    ['append', `id Int64, ${META}`, 'ReplacingMergeTree order by id', ['drops or sums rows of one order']],
    [
      'upsert',
      `id Int64, ${META}`,
      'MergeTree order by id',
      ["mode 'upsert' needs ReplacingMergeTree(_offset, _deleted)"],
    ],
    [
      'upsert',
      `id Int64, at Int64, ${META}`,
      'ReplacingMergeTree(_offset, _deleted) order by (id, at)',
      ['ordered by (id, at) and the key is (id)'],
    ],
    ['upsert', `id Int64, ${META}`, 'ReplacingMergeTree(_offset) order by id', ['tells versions by (_offset)']],
    ['upsert', `id Int64, ${META}`, 'ReplacingMergeTree(_offset, _deleted) order by id', []],
    [
      'append',
      `id Int64, ${META.replace('_rest String', '_rest JSON')}`,
      'MergeTree order by id',
      ["column '_rest' of # is JSON"],
    ],
    [
      'append',
      `id Int64, ${META.replace('_offset UInt64', '_offset String')}`,
      'MergeTree order by id',
      ["column '_offset' of # is String"],
    ],
    ['append', `id Int64 alias 1, x Int64, ${META}`, 'MergeTree order by x', ['is computed by the database']],
  ] as const)('for %s into a table (%s) of %s reports the expected problems', async (mode, columns, engine, found) => {
    const target = lab.target({ id: 'Int64' }, { mode, key: mode === 'upsert' ? ['id'] : [] });
    await lab.run(`create table ${name(target)} (${columns}) engine = ${engine} ${WINDOW}`);
    expect(await lab.sink.problems(target)).toEqual(
      found.map((words) => expect.stringContaining(words.replaceAll('#', name(target)))),
    );
  });

  it('accepts a timestamp in any time zone', async () => {
    const target = lab.target({ id: "DateTime64(3, 'UTC')" });
    await lab.run(`create table ${name(target)} (id DateTime64(3), ${META}) engine = MergeTree order by id ${WINDOW}`);
    expect(await lab.sink.problems(target)).toEqual([]);
  });

  it('rejects a materialized view whose table has no deduplication tokens', async () => {
    const target = lab.target({ id: 'Int64' });
    await lab.load(target);
    const [own, view, sums] = [name(target), `${name(target)}_view`, `${name(target)}_sums`];
    await lab.run(`create table ${sums} (total Int64) engine = SummingMergeTree order by tuple()`);
    await lab.run(`create materialized view ${view} to ${sums} as select sum(id) as total from ${own}`);
    const words = `rows of ${own} reach the materialized view ${view}: ${sums} remembers the tokens of no inserts`;
    expect(await lab.sink.problems(target)).toEqual([expect.stringContaining(words)]);
    await lab.run(`alter table ${sums} modify setting non_replicated_deduplication_window = 10000`);
    expect(await lab.sink.problems(target)).toEqual([]);
    await lab.run(`create materialized view ${view}_2 engine = MergeTree order by id as select id from ${own}`);
    expect(await lab.sink.problems(target)).toEqual([
      expect.stringContaining(`reach the materialized view ${view}_2: `),
    ]);
    await lab.run(`drop view ${view}_2`);
    // A repeated INSERT reaches views of views, too, whatever their names.
    await lab.run(`create table ${sums}_2 (total Int64) engine = MergeTree order by tuple()`);
    const odd = `${view.split('.')[0]}.\`a view\``;
    await lab.run(`create materialized view ${odd} to ${sums}_2 as select total from ${sums}`);
    expect(await lab.sink.problems(target)).toEqual([
      expect.stringContaining(`rows of ${own} reach the materialized view ${view.split('.')[0]}.a view: ${sums}_2 `),
    ]);
  });
});
