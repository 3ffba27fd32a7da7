// What the load config of a source table is refused for, and what it gives.
import { describe, expect, it } from 'vitest';
import type { SourceDefinition } from '../../../../src/contracts/node.ts';
import { type LoadTarget, loadTarget } from '../../../../src/loader/settings/load-target.ts';
import { CLICKHOUSE_TABLE } from '../../../../src/loader/clickhouse/table-options.ts';
import { POSTGRES_TABLE } from '../../../../src/loader/postgres/table-options.ts';
import { syncTarget } from '../../../../src/loader/sync/config.ts';
import type { TableOptions } from '../../../../src/loader/settings/database-options.ts';

type Columns = Readonly<Record<string, string | object>>;

/** A source table; each column by its data type, or as a whole. */
const sourceOf = (load: unknown, columns: Columns = { id: 'bigint' }, shared?: unknown): SourceDefinition =>
  ({
    unique_id: 'source.p.s.t',
    source_name: 's',
    name: 't',
    original_file_path: 'models/s.yml',
    columns: Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [
        name,
        { name, ...(typeof column === 'string' ? { data_type: column } : column) },
      ]),
    ),
    meta: { tsdbt: { load } },
    config: {},
    source_meta: { tsdbt: { load: shared } },
  }) as unknown as SourceDefinition;

/** The target of such a table, which topic `t` fills. */
function targetOf(load: object, columns?: Columns, tables: TableOptions = POSTGRES_TABLE): LoadTarget {
  const target = loadTarget(sourceOf({ topic: 't', ...load }, columns), tables);
  if (target === null) throw new Error('nothing loads the table');
  return target;
}

describe('a load config', () => {
  const written = (load: unknown, shared?: unknown): unknown => {
    const source = sourceOf(load, {}, shared);
    return syncTarget(source) ?? loadTarget(source, POSTGRES_TABLE);
  };

  it.each(['t1', ['t1'], 5, true, ''])('is a dictionary, not %j', (load) => {
    const error = expect.objectContaining({
      kind: 'validation',
      message: `Invalid load config of source s.t: 'load' must be a dictionary, found ${JSON.stringify(load)}`,
      details: expect.objectContaining({ path: 'models/s.yml' }),
    });
    expect(() => written(load)).toThrow(error);
    expect(() => written({ topic: 't' }, load)).toThrow(error);
    const column = { data_type: 'text', config: { meta: { tsdbt: { load } } } };
    expect(() => targetOf({}, { c: column })).toThrow("'load' of column 'c' must be a dictionary, found");
  });

  it.each([null, false])('is disabled by %j, whatever the source says', (load) => {
    expect(written(load)).toBeNull();
    expect(written(load, { connection: 'events' })).toBeNull();
    expect(written({ topic: 't' }, load)).toMatchObject({ topic: 't', connection: 'default' });
    expect(targetOf({}, { c: { meta: { tsdbt: { load } } } }).columns[0]?.name).toBe('c');
  });
});

describe('the hidden columns of a sync', () => {
  const sync = (load: object, columns: Columns = {}) => syncTarget(sourceOf({ table: 'public.t', ...load }, columns));

  it('are given by name', () => {
    expect(sync({ hash: 'email', drop: ['phone', 'fax'] })).toMatchObject({ hash: ['email'], drop: ['phone', 'fax'] });
    expect(sync({})).toMatchObject({ hash: [], drop: [] });
  });

  it.each([
    [{ strategy: 'incremental', cursor: 'at', hash: ['at'] }, "'load.hash' cannot contain the cursor 'at'"],
    [{ strategy: 'incremental', cursor: 'at', drop: ['at'] }, "'load.drop' contains 'at', which another key names"],
    [{ key: ['id'], drop: ['id'] }, "'load.drop' contains 'id', which another key names"],
    [{ hash: ['a'], drop: ['a'] }, "'load.drop' contains 'a', which another key names"],
    [{ columns: ['a', 'b'], drop: ['b'] }, "'load.drop' contains 'b', which another key names"],
    [{ columns: ['a'], hash: ['b'] }, "'load.columns' lacks 'b', which another key names"],
    [{ drop: ['c'] }, "'load.drop' contains 'c', which is declared as a column"],
  ])('do not contradict the other settings: %j', (load, message) => {
    expect(() => sync(load, { c: 'text' })).toThrow(message);
  });
});

describe('the start of a topic', () => {
  it.each([
    ['earliest', 'earliest'],
    ['latest', 'latest'],
    ['2026-05-01', Date.UTC(2026, 4, 1)],
    ['2026-05-01 12:00', Date.UTC(2026, 4, 1, 12)],
    ['2026-05-01T12:00:00+02:00', Date.UTC(2026, 4, 1, 10)],
  ])('can be %s', (start, found) => {
    expect(targetOf({ start }).start).toBe(found);
  });

  it.each(['newest', 5, '2026-13-01', ''])('cannot be %j', (start) => {
    expect(() => targetOf({ start })).toThrow("'load.start' must be");
  });
});

describe('the origin of a column', () => {
  const column = (load: object, type = 'text'): object => ({ data_type: type, config: { meta: { tsdbt: { load } } } });
  const originOf = (load: object, type?: string): unknown => targetOf({}, { c: column(load, type) }).columns[0]?.origin;

  it('is a path, or a part of the message', () => {
    expect(originOf({ path: 'a.b[0].c' })).toEqual({ part: 'value', path: ['a', 'b', 0, 'c'] });
    expect(originOf({ path: ['a.b', 2, '[x]'] })).toEqual({ part: 'value', path: ['a.b', 2, '[x]'] });
    expect(originOf({ from: 'key' })).toEqual({ part: 'key', path: [] });
    expect(originOf({ from: 'key', path: '[1].id' })).toEqual({ part: 'key', path: [1, 'id'] });
    expect(originOf({ from: 'header.__debezium.newkey' })).toEqual({ part: 'header', name: '__debezium.newkey' });
    for (const part of ['headers', 'topic', 'partition', 'offset', 'timestamp'])
      expect(originOf({ from: part })).toEqual({ part });
    expect(targetOf({}, { c: column({ epoch: 'microseconds' }, 'timestamptz') }).columns[0]?.epoch).toBe(6);
  });

  it('has a range of years, in order', () => {
    const years = (value: unknown) => targetOf({}, { c: column({ years: value }, 'timestamptz') }).columns[0]?.years;
    expect(years([2000, 2100])).toEqual({ first: 2000, last: 2100, declared: true });
    expect(years(false)).toBeNull();
    for (const wrong of [[2100, 2000], [2000], 2000, [2000.5, 2100], true])
      expect(() => years(wrong)).toThrow("'load.years");
  });

  it.each([
    [
      { from: 'value' },
      "'load.from' of column 'c' must be key, header.NAME, headers, topic, partition, offset or timestamp",
    ],
    [{ from: 'header.' }, "'load.from' of column 'c' must be key"],
    [{ from: 'key.id' }, "'load.from' of column 'c' must be key"],
    [{ from: 'offset', path: 'a' }, "'load.path' of column 'c' cannot be used with 'from: offset'"],
    [{ path: '[0].a' }, "'load.path' of column 'c' must begin with a field"],
    [{ path: '' }, "'load.path"],
    [{ path: 'a..b' }, "'load.path"],
    [{ path: 'a[x]' }, "'load.path"],
    [{ path: 'a[0]b' }, "'load.path"],
    [{ path: '.a' }, "'load.path"],
    [{ path: [] }, "'load.path"],
    [{ path: ['a', -1] }, "'load.path"],
    [{ epoch: 'seconds' }, "'load.epoch' of column 'c' needs a column of a date or a timestamp, and this one is text"],
    [
      { years: [2000, 2100] },
      "'load.years' of column 'c' needs a column of a date or a timestamp, and this one is text",
    ],
    [{ aliases: ['a'] }, "'load.aliases' of column 'c' needs format: avro"],
    [{ form: 'key' }, "unknown key 'load.form' of column 'c'"],
  ])('cannot be %j', (load, reason) => {
    expect(() => originOf(load)).toThrow(reason);
  });

  it('is rejected where an epoch has no meaning, or if it reveals what another column hides', () => {
    expect(() => originOf({ epoch: 'minutes' }, 'date')).toThrow(
      "'load.epoch' of column 'c' must be one of seconds, milliseconds",
    );
    expect(() => originOf({ from: 'timestamp', epoch: 'seconds' }, 'date')).toThrow(
      "has no meaning with 'from: timestamp'",
    );
    expect(() => targetOf({ hash: ['c'] }, { c: column({ path: 'user.email' }), user: 'jsonb' })).toThrow(
      "hash column 'c' is 'user.email', which column 'user' holds as it is",
    );
    expect(() => targetOf({ drop: ['mail'] }, { c: column({ path: 'mail' }) })).toThrow(
      "'mail' is dropped and declared",
    );
    // What a path leaves of a field may be dropped.
    expect(targetOf({ drop: ['user'] }, { c: column({ path: 'user.id' }) }).drop).toEqual(['user']);
    expect(() => targetOf({ format: 'avro' }, { c: column({ path: 'a', default: 1 }) })).toThrow(
      "'load.default' of column 'c' is for a column that is filled by its name",
    );
  });
});

describe('the topics of a table', () => {
  const topicsOf = (load: object): unknown => {
    const { topic, topics } = targetOf({ topic: undefined, ...load });
    return [topic, topics];
  };

  it('are one, several by name, or those that match a pattern', () => {
    expect(topicsOf({ topic: 'a' })).toEqual(['a', undefined]);
    expect(topicsOf({ topics: ['a', 'b'] })).toEqual(['a, b', ['a', 'b']]);
    expect(topicsOf({ topic_pattern: '^a_.*' })).toEqual(['^a_.*', /^(?:^a_.*)$/]);
  });

  it.each([
    [{ topic: 'a', topics: ['b'] }, "has 'topic' and 'topics'"],
    [{ topics: [] }, "'load.topics' must name a topic"],
    [{ topics: ['a', 'a'] }, `'load.topics' names "a" twice`],
    [{ topics: [1] }, "'load.topics[0]' must be a text that is not empty"],
    [{ topic_pattern: '(a+)+' }, "'load.topic_pattern' cannot be used: a group in it may not be repeated"],
    [
      { topic_pattern: 'a(?=b)' },
      "'load.topic_pattern' cannot be used: it may have no backreference, lookaround or flag",
    ],
    [{ topic_pattern: '[' }, "'load.topic_pattern' cannot be used: Invalid regular expression"],
  ])('cannot be %j', (load, message) => expect(() => topicsOf(load)).toThrow(message));

  it('are limited to one for an upsert in ClickHouse, because offsets of two topics cannot be compared', () => {
    const load = { topic: undefined, topics: ['a', 'b'], mode: 'upsert', key: ['id'] };
    expect(targetOf(load).topics).toEqual(['a', 'b']);
    expect(() => targetOf(load, { id: 'Int64' }, CLICKHOUSE_TABLE)).toThrow(
      "mode 'upsert' of several topics cannot be kept in ClickHouse",
    );
    const region = { data_type: 'String', meta: { tsdbt: { load: { from: 'topic' } } } };
    const withRegion = (key: readonly string[]): LoadTarget =>
      targetOf({ ...load, key }, { region, id: 'Int64' }, CLICKHOUSE_TABLE);
    expect(withRegion(['region', 'id']).topics).toEqual(['a', 'b']);
    expect(() => withRegion(['id'])).toThrow('cannot be kept in ClickHouse');
  });
});
