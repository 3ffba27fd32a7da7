// The loader into embedded ClickHouse: rows, dead letters and positions over flushes, partitions, restarts, refusals.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import { upTo } from './load-lab.ts';

describe.skipIf(clickhouseMissing !== null)('a load into ClickHouse', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('sink');
  });
  afterAll(() => lab.close());

  it('appends each message once across flushes, partitions and loaders', async () => {
    const target = lab.target({ id: 'Int64', k: 'String' }, {}, 3);
    for (const id of upTo(200)) lab.broker.produce('t', id % 3, { id, k: `tab\there ${id}` });
    expect(await lab.load(target)).toEqual({ rows: 200, dead: 0, stopped: [] });
    for (const id of upTo(30)) lab.broker.produce('t', id % 3, { id: 200 + id, k: 'x' });
    expect(await lab.load(target, { sink: lab.anotherSink() })).toEqual({ rows: 30, dead: 0, stopped: [] });
    expect(await lab.load(target)).toEqual({ rows: 0, dead: 0, stopped: [] });
    expect(await lab.ids(target)).toEqual(upTo(230));
    expect(
      await lab.rows(
        `select k, _topic, _partition, _offset, _deleted from ${target.schema}.${target.identifier} where id = 5`,
      ),
    ).toEqual([['tab\there 5', 't', '2', '1', 'false']]);
  });

  it('keeps quotes that are part of a column name', async () => {
    const target = lab.target({ id: 'Int64', a: 'String', '"a"': 'String', '`b`': 'Int8', '"': 'String' });
    for (const b of [1, 'seven']) lab.broker.produce('t', 0, { id: 1, a: 'x', '"a"': 'y', '`b`': b, '"': 'z' });
    expect(await lab.load(target)).toEqual({ rows: 1, dead: 1, stopped: [] });
    const columns = 'id, a, `"a"`, `\\`b\\``, `"`';
    expect(await lab.rows(`select ${columns} from ${target.schema}.${target.identifier}`)).toEqual([
      ['1', 'x', 'y', '1', 'z'],
    ]);
  });

  it("creates only what is missing, even in the server's default database", async () => {
    const [table, run] = ['sink_in_default', vi.spyOn(LeasedSession.prototype, 'run')];
    try {
      const target = lab.target({ id: 'Int64' }, { schema: 'default', identifier: table });
      const made = (): string[] => run.mock.calls.map(([sql]) => sql).filter((sql) => /^CREATE .*default/s.test(sql));
      lab.broker.produce('t', 0, { id: 1 });
      expect(await lab.load(target)).toEqual({ rows: 1, dead: 0, stopped: [] });
      // Without the right to make databases a user is refused even where one is there.
      expect(made()).toEqual([expect.stringMatching(/^CREATE TABLE/)]);
      lab.broker.produce('t', 0, { id: 2 });
      expect(await lab.load(target, { sink: lab.anotherSink() })).toEqual({ rows: 1, dead: 0, stopped: [] });
      expect(made()).toHaveLength(1);
      expect(await lab.rows(`select id from default.${table} order by id`)).toEqual([['1'], ['2']]);
    } finally {
      run.mockRestore();
      await lab.run(`drop table if exists default.${table} sync`);
    }
  });

  it('makes dead letters of undecodable messages and of rows that the table rejects', async () => {
    const target = lab.target({ id: 'Int64', k: 'Int8' });
    for (const id of upTo(120)) lab.broker.produce('t', 0, { id, k: id === 7 || id === 77 ? 'seven' : 1 });
    lab.broker.produce('t', 0, null, { raw: Buffer.from('{"id":') });
    const summary = await lab.load(target);
    expect(summary).toEqual({ rows: 118, dead: 3, stopped: [] });
    expect(await lab.ids(target)).toEqual(upTo(120).filter((id) => id !== 7 && id !== 77));
    const letters = await lab.letters(target);
    expect(letters.map(([offset]) => offset)).toEqual([7, 77, 120]);
    expect(letters[0]?.[1]).toBe("column 'k': invalid value for type Int8");
  });

  it('rejects values that the server would change silently, and keeps rows that look like a header', async () => {
    const target = lab.target({ id: 'Int64', k: 'UInt8', s: 'String', n: 'Nullable(Int32)' }, { rest: null });
    const values: object[] = [
      { k: 300 },
      { k: 1, s: 'x' },
      { k: null },
      {},
      { k: 2, s: null },
      { k: 3, s: '', n: 2 ** 31 },
    ];
    for (const [id, value] of values.entries()) lab.broker.produce('t', 0, { id, s: 'x', ...value });
    expect(await lab.load(target)).toEqual({ rows: 1, dead: 5, stopped: [] });
    expect((await lab.letters(target)).map(([offset, error]) => [offset, error])).toEqual([
      [0, "column 'k': value is out of range for type UInt8"],
      [2, "column 'k': null value, and the column takes none"],
      [3, "column 'k': null value, and the column takes none"],
      [4, "column 's': null value, and the column takes none"],
      [5, "column 'n': value is out of range for type Int32"],
    ]);
    const header = lab.target({ id: 'String', k: 'String' }, { rest: null });
    lab.broker.produce('t', 0, { id: 'id', k: 'k' });
    expect(await lab.load(header)).toEqual({ rows: 1, dead: 0, stopped: [] });
  });

  it('in mode upsert keeps the newest row of each key, and tombstones delete', async () => {
    const target = lab.target({ id: 'Int64', v: 'String' }, { mode: 'upsert', key: ['id'] });
    for (const id of upTo(60)) lab.broker.produce('t', 0, { id: id % 20, v: `v${id}` });
    lab.broker.produce('t', 0, null, { raw: null, key: '{"id":3}' });
    expect(await lab.load(target)).toEqual({ rows: 61, dead: 0, stopped: [] });
    const rows = await lab.rows(`select id, v from ${target.schema}.${target.identifier} final order by id`);
    expect(rows).toEqual(
      upTo(20)
        .filter((id) => id !== 3)
        .map((id) => [String(id), `v${40 + id}`]),
    );
  });

  it('keeps separate positions of several topics, even after an interrupted flush', async () => {
    const target = lab.target({ id: 'Int64', k: 'Int8' }, { topic: 'a, b', topics: ['a', 'b'] });
    for (const topic of ['a', 'b']) {
      lab.broker.create(topic, 2);
      for (const id of upTo(40)) lab.broker.produce(topic, id % 2, { id, k: id === 5 ? 'five' : 1 });
    }
    const cut = lab.anotherSink((point) => {
      if (point === 'before_commit') throw new Error('cut off');
    });
    await expect(lab.load(target, { sink: cut })).rejects.toThrow('cut off');
    await lab.load(target, { sink: lab.anotherSink() });
    for (const topic of ['a', 'b']) lab.broker.produce(topic, 0, { id: 40, k: 1 });
    expect(await lab.load(target)).toEqual({ rows: 2, dead: 0, stopped: [] });
    expect(
      await lab.rows(
        `select _topic, count(), uniqExact(id) from ${target.schema}.${target.identifier} group by 1 order by 1`,
      ),
    ).toEqual([
      ['a', '40', '40'],
      ['b', '40', '40'],
    ]);
    const { positions } = await lab.sink.kept(target);
    expect([...positions].map(([key, { next, dead }]) => [key, next, dead]).sort()).toEqual([
      ['a/0', 21n, 0],
      ['a/1', 20n, 1],
      ['b/0', 21n, 0],
      ['b/1', 20n, 1],
    ]);
  });
});
