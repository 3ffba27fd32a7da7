// Changes of a database, message by message: every encoding of values, with and without a schema, and what is refused.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AvroWriters } from './avro-envelope.ts';
import { CHANGES, decoded, envelope, type Members, targetOf } from './changes-lab.ts';
import { Change, Halt, SKIPPED } from '../../../../src/loader/formats/row-change.ts';
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { LoadLab } from '../load-lab.ts';

/** The value of column `v` as the row would carry it. */
async function readAs(type: string, written: string, changes: Partial<ChangeConfig> = {}): Promise<string> {
  const found = await decoded(targetOf({ v: type }, changes), '{"id":1}', envelope('c', `{"id":1,"v":${written}}`));
  if (!(found instanceof Change)) throw new Error('no change');
  const value = found.record['v'];
  return typeof value === 'object'
    ? `${Array.isArray(value) ? `[${value.map(String).join(', ')}]` : String(value)}`
    : String(value);
}

describe('the values of a change', () => {
  it.each([
    ['numeric(12,2)', '"BAE="', '10.25'],
    ['numeric(12,2)', '"8A=="', '-0.16'],
    ['numeric', '{"scale":3,"value":"BAE="}', '1.025'],
    ['numeric(12,0)', '"1234"', '-2658824'],
    ['numeric', '{"scale":-2,"value":"BAE="}', '102500'],
    ['date', '20545', '2026-04-02'],
    ['date', '-2147472692', 'infinity'],
    ['date', '-2147472691', '-infinity'],
    ['date', '-719529', '0002-12-31 BC'],
    ['timestamp', '1772359200500000', '2026-03-01T10:00:00.500000'],
    ['timestamp(3)', '1772359200500', '2026-03-01T10:00:00.500'],
    ['timestamp', '9223372036825200000', 'infinity'],
    ['timestamp', '-9223372036832400000', '-infinity'],
    ['timestamptz', '"-0043-03-15T12:00:00.000000Z"', '0044-03-15T12:00:00.000000Z BC'],
    ['timestamptz', '"infinity"', 'infinity'],
    ['time', '3723000004', '01:02:03.000004'],
    ['time', '86400000000', '24:00:00'],
    ['timetz', '"10:00:00Z"', '10:00:00Z'],
    ['interval', '-1500000', '-1.500000 seconds'],
    ['interval', '"P1Y2M3DT4H5M6.78S"', 'P1Y2M3DT4H5M6.78S'],
    ['jsonb', '"{\\"f\\": 1.10, \\"big\\": 12345678901234567890}"', '{"f": 1.10, "big": 12345678901234567890}'],
    ['jsonb', '"null"', 'null'],
    ['text[]', '["t1","x,y",null]', '[t1, x,y, null]'],
    ['date[]', '[20545,null]', '[2026-04-02, null]'],
    ['numeric(12,2)[]', '["BAE="]', '[10.25]'],
    ['bytea', '"AP8="', 'AP8='],
    ['bit(10)', '"BQI="', '1000000101'],
    ['bit', 'true', '1'],
    ['point', '{"x":1.5,"y":-2,"wkb":"AQ==","srid":null}', '(1.5,-2)'],
    ['hstore', '"{\\"a\\":\\"1\\",\\"b\\":null}"', '"a"=>"1", "b"=>NULL'],
    ['hstore', '{"a":"x\\"y"}', '"a"=>"x\\"y"'],
    ['uuid', '"00000000-0000-0000-0000-000000000001"', '00000000-0000-0000-0000-000000000001'],
    ['int4range', '"[1,5)"', '[1,5)'],
    ['Nullable(Decimal(18, 4))', '"BAE="', '0.1025'],
    ['Array(Date)', '[20545]', '[2026-04-02]'],
  ])('contain %s of %s without a schema', async (type, written, found) => {
    expect(await readAs(type, written)).toBe(found);
  });

  it.each([
    ['numeric(12,2)', '"10.25"', { decimals: 'string' }, '10.25'],
    ['numeric', '"NAN"', { decimals: 'string' }, 'NaN'],
    ['numeric', '"POSITIVE_INFINITY"', { decimals: 'string' }, 'Infinity'],
    ['numeric', '10.25', { decimals: 'double' }, '10.25'],
    ['date', '"2026-04-02Z"', { times: 'isostring' }, '2026-04-02'],
    ['date', '"-5877611-06-21Z"', { times: 'isostring' }, 'infinity'],
    ['timestamp', '"2026-03-01T10:00:00.5Z"', { times: 'isostring' }, '2026-03-01T10:00:00.5'],
    ['time', '"10:00:00Z"', { times: 'isostring' }, '10:00:00'],
    ['timestamp', '1772359200500', { times: 'connect' }, '2026-03-01T10:00:00.500'],
    ['timestamp', '1772359200500000000', { times: 'nanoseconds' }, '2026-03-01T10:00:00.500000000'],
    ['timestamp(3)', '1772359200500000', { times: 'microseconds' }, '2026-03-01T10:00:00.500000'],
    ['bytea', '"00ff"', { binary: 'hex' }, 'AP8='],
    ['bytea', '"-_8"', { binary: 'base64-url-safe' }, '+/8='],
  ] as const)('contain %s of %s in mode %o', async (type, written, changes, found) => {
    expect(await readAs(type, written, changes)).toBe(found);
  });

  it.each([
    ['"not read"', 'not read'],
    ['"bm90IHJlYWQ="', 'not read'],
    ['"00ff00ff00ff00ff"', 'hex:00ff00ff00ff00ff'],
  ])("treat %s as an unchanged value if the connector's placeholder is configured", async (written, placeholder) => {
    const key = '{"id":1}';
    const value = envelope('u', `{"id":1,"v":${written}}`);
    const [own, usual] = [
      await decoded(targetOf({ v: 'text' }, { placeholder }), key, value),
      await decoded(targetOf({ v: 'text' }), key, value),
    ];
    expect(own instanceof Change && own.unavailable).toEqual(['v']);
    expect(usual instanceof Change && usual.unavailable).toEqual([]);
  });

  it('with a schema in the message are read by their logical types', async () => {
    const schema = (name: string, more: Members = {}): Members => ({ type: 'int64', name, ...more });
    const fields = [
      { field: 'id', type: 'int64' },
      { field: 'a', ...schema('io.debezium.time.Timestamp') },
      { field: 'b', ...schema('org.apache.kafka.connect.data.Decimal', { parameters: { scale: '3' } }) },
      { field: 'c', type: 'array', items: schema('io.debezium.time.Date') },
      { field: 'd', ...schema('io.debezium.data.Json') },
    ];
    const value = JSON.stringify({
      schema: { type: 'struct', fields: [{ field: 'after', type: 'struct', fields }] },
      payload: JSON.parse(envelope('c', { id: 1, a: 1_772_359_200_500, b: 'BAE=', c: [20_545], d: '{"x":1}' })),
    });
    const key = '{"schema":{"type":"struct","fields":[{"field":"id","type":"int64"}]},"payload":{"id":1}}';
    // Declared as text: only the schema says what the numbers are.
    const found = await decoded(targetOf({ a: 'timestamp', b: 'numeric(12,2)', c: 'date[]' }), key, value);
    const record = found instanceof Change ? found.record : {};
    expect(record['a']).toBe('2026-03-01T10:00:00.500');
    expect(String(record['b'])).toBe('1.025');
    expect(record['c']).toEqual(['2026-04-02']);
    expect(record['d']).toEqual({ x: 1 });
    expect(record['id']).toBe(1);
  });

  it('with an unreadable schema are rejected each time', async () => {
    const decoder = changeDecoder(null, targetOf({ a: 'text' }), Date.now);
    const read = async (schema: string): Promise<unknown> => {
      const payload = envelope('c', { id: 1, a: 20_545 });
      const value = Buffer.from(`{"schema":${schema},"payload":${payload}}`);
      return decoder.message?.({ offset: 0n, timestamp: 0, key: Buffer.from('{"id":1}'), value, headers: [] });
    };
    const date = '{"field":"a","type":"int32","name":"io.debezium.time.Date"}';
    const found = await read(`{"type":"struct","fields":[{"field":"after","fields":[${date}]}]}`);
    expect(found instanceof Change && found.record['a']).toBe('2026-04-02');
    for (let i = 0; i < 2; i++) await expect(read('{"fields":[,]}')).rejects.toThrow('a schema that is not JSON');
  });

  it('of Avro are read by the names that Connect gives types', async () => {
    const avro = await AvroWriters.open();
    const target = targetOf({ total: 'numeric(12,2)', at: 'timestamp', due: 'date' });
    const found = await changeDecoder(avro.registry, target, Date.now).message?.(avro.message());
    const { record, position, op } = found instanceof Change ? found : new Change('t', {}, [], NOWHERE);
    expect([op, position]).toEqual(['c', 7n]);
    expect({ ...record, total: String(record['total']) }).toEqual({
      id: 1,
      total: '10.25',
      at: '2026-03-01T10:00:00.500000',
      due: '2026-04-02',
    });
  });
});

const NOWHERE = { position: 0n, source: '', at: null, micros: null, committed: null };

describe('a message that is not a change', () => {
  it('of a row is skipped', async () => {
    const target = targetOf({});
    expect(await decoded(target, null, null)).toBe(SKIPPED);
    expect(await decoded(targetOf({}, { deletes: 'ignore' }), '{"id":1}', null)).toBe(SKIPPED);
    expect(await decoded({ ...target, mode: 'append', key: [] }, '{"id":1}', null)).toBe(SKIPPED);
    expect(await decoded(target, null, envelope('m', null))).toBe(SKIPPED);
    expect(await decoded(targetOf({}, { deletes: 'ignore' }), '{"id":1}', envelope('d', null))).toBe(SKIPPED);
    expect(await decoded(targetOf({}, { truncate: 'ignore' }), null, envelope('t', null))).toBe(SKIPPED);
  });

  it.each([
    ['{"id":1}', '{"id":', 'not JSON'],
    ['{"id":1}', '[1]', 'not a JSON object'],
    ['{"id":1}', '{"id":1,"__deleted":"false"}', "it has no 'op'"],
    ['{"id":1}', '{"op":"c","after":{"id":1}}', "it has no 'source'"],
    ['{"id":1}', envelope('x', { id: 1 }), 'none of c, r, u, d, t'],
    ['{"id":1}', envelope('c', null), "'after', is missing"],
    [null, envelope('c', { id: 1 }), 'the message has no key'],
    ['{"nr":1}', null, "key has 'nr', too"],
    ['{"id":1,"region":"eu"}', envelope('c', { id: 1 }), "key has 'region', too"],
    ['{"nr":1}', envelope('c', { id: 1 }), "key has 'nr', too"],
    ['{"id":1}', envelope('c', { id: 1, v: '51.25' }), 'decimal_handling_mode'],
    ['{"id":1}', envelope('c', { id: 1, v: { scale: 1e9, value: 'BAE=' } }), 'scale is beyond 16383'],
    ['{"id":1}', envelope('c', { id: 1, v: 'BAE=' }, 10, { lsn: null }), 'no lsn'],
    ['{"id":1}', envelope('c', { id: 1 }, 10, { connector: 'mysql' }), 'no file and pos of a binlog'],
  ])('is rejected: %s %s', async (key, value, why) => {
    await expect(decoded(targetOf({ v: 'numeric(12,2)' }), key, value)).rejects.toThrow(why);
  });

  it('is rejected in Avro if its operation is not text', async () => {
    const text = JSON.stringify({
      ...{ type: 'record', name: 'Envelope' },
      fields: ['source', 'op'].map((name) => ({ name, type: { type: 'map', values: 'string' } })),
    });
    const registry = { schema: async () => ({ schema: text, type: 'AVRO', references: new Map<string, string>() }) };
    const value = Buffer.from([0, 0, 0, 0, 1, 0, 0]);
    const read = async (): Promise<unknown> =>
      changeDecoder(registry, targetOf({}), Date.now).message?.({
        ...{ offset: 0n, timestamp: 0, key: Buffer.from('{"id":1}'), value, headers: [] },
      });
    await expect(read()).rejects.toThrow('no text and no number');
  });

  it('names both unknown schemas, and fails if only one of them is unknown', async () => {
    const named = (id: number): Buffer => Buffer.from([0, 0, 0, 0, id, 0]);
    const decoder = changeDecoder({ schema: async () => null }, targetOf({}), Date.now);
    const read = async (key: number, value: number): Promise<unknown> =>
      decoder.message?.({ offset: 0n, timestamp: 0, key: named(key), value: named(value), headers: [] });
    const unhandled: unknown[] = [];
    const note = (reason: unknown): unknown => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      await expect(read(1, 1)).rejects.toThrow('the registry has no schema 1');
      await expect(read(2, 1)).rejects.toThrow('the registry has no schema 1');
      await new Promise((done) => setTimeout(done, 50));
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });

  it('is rejected if its unchanged values cannot be kept in the table', async () => {
    const value = envelope('u', { id: 1, v: '__debezium_unavailable_value' });
    await expect(decoded(targetOf({ v: 'text' }, { keeps: false }), '{"id":1}', value)).rejects.toThrow(
      'REPLICA IDENTITY FULL',
    );
  });

  it.each([
    [envelope('t', null), 'was truncated'],
    [envelope('c', { id: 1 }, 10, { connector: 'sqlserver' }), "connector 'sqlserver'"],
  ])('stops the table: %s', async (value, why) => {
    const found = decoded(targetOf({}), '{"id":1}', value);
    await expect(found).rejects.toBeInstanceOf(Halt);
    await expect(found).rejects.toThrow(why);
  });

  it('has a position from the binlog in MySQL', async () => {
    const position = async (file: string, pos: number): Promise<bigint> => {
      const found = await decoded(
        targetOf({}),
        '{"id":1}',
        envelope('c', { id: 1 }, 0, { connector: 'mysql', file, pos }),
      );
      return found instanceof Change ? found.position : -1n;
    };
    expect(await position('bin.000003', 154)).toBe((3n << 36n) | 154n);
    expect(await position('bin.000009', 9_000_000_000)).toBeLessThan(await position('bin.000010', 4));
  });
});

describe('a change in Postgres', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(() => lab.close());

  const made = (more: Partial<LoadTarget> = {}, changes: Partial<ChangeConfig> = {}): LoadTarget =>
    lab.target(
      { id: 'integer', v: 'text', w: 'text' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: { ...CHANGES, ...changes }, ...more },
    );
  const produce = (id: number | null, value: string): void => {
    lab.broker.produce('t', 0, null, { key: id === null ? null : `{"id":${id}}`, raw: Buffer.from(value) });
  };
  const run = (target: LoadTarget): Promise<unknown> =>
    lab.load(target, { decoder: changeDecoder(null, target, Date.now) });
  const rows = ({ identifier }: LoadTarget): Promise<(string | null)[][]> =>
    lab.rows(`select id, v, w, _op, _lsn, _deleted, _rest::text from raw.${identifier} order by 1`);

  it('keeps values that a message lacks or the source omitted, also outside of the columns', async () => {
    const target = made();
    produce(1, envelope('c', { id: 1, v: 'a', w: 'b', x: 'c' }, 1));
    await run(target);
    produce(1, envelope('u', { id: 1, v: '__debezium_unavailable_value', x: '__debezium_unavailable_value' }, 2));
    produce(2, envelope('c', { id: 2, v: 'a' }, 3));
    produce(2, envelope('u', { id: 2, v: 'aa' }, 4));
    await run(target);
    expect(await rows(target)).toEqual([
      ['1', 'a', 'b', 'u', '2', 'false', '{"x": "c"}'],
      ['2', 'aa', null, 'u', '4', 'false', null],
    ]);
  });

  it('with an unknown value is a dead letter, and nothing else is lost', async () => {
    const target = made();
    produce(1, envelope('u', { id: 1, v: '__debezium_unavailable_value', w: 'b' }, 1));
    produce(2, envelope('c', { id: 2, v: 'a', w: 'b' }, 2));
    await run(target);
    expect(await rows(target)).toEqual([['2', 'a', 'b', 'c', '2', 'false', null]]);
    expect((await lab.letters(target)).map(([offset]) => offset)).toEqual([0]);
  });

  it("of a row's key is a dead letter if the source omitted a part of the row", async () => {
    const target = made();
    produce(1, envelope('c', { id: 1, v: 'a', w: 'b' }, 1));
    produce(1, envelope('d', null, 2));
    produce(2, envelope('c', { id: 2, v: '__debezium_unavailable_value', w: 'b' }, 2));
    await run(target);
    expect((await rows(target)).map(([id, v, , op]) => [id, v, op])).toEqual([['1', 'a', 'd']]);
    expect((await lab.letters(target)).map(([offset]) => offset)).toEqual([2]);
  });

  it.each(['soft', 'hard'] as const)('after a snapshot counts, though its position is lower (%s)', async (deletes) => {
    const target = made({}, { deletes });
    for (const id of [1, 2, 3, 4]) produce(id, envelope('r', { id, v: 'a', w: 'b' }, 100));
    produce(1, envelope('d', null, 95));
    produce(2, envelope('u', { id: 2, v: 'b', w: 'b' }, 90));
    await run(target);
    // Another loader knows the snapshot from the table.
    produce(2, envelope('u', { id: 2, v: 'c', w: 'b' }, 96));
    produce(3, envelope('u', { id: 3, v: 'd', w: 'b' }, 97));
    produce(3, envelope('d', null, 98));
    await run(target);
    produce(3, envelope('c', { id: 3, v: 'e', w: 'b' }, 101));
    await run(target);
    const found = (await rows(target)).map(([id, v, , op, lsn]) => [id, v, op, lsn]);
    expect(found).toEqual([
      ...(deletes === 'soft' ? [['1', 'a', 'd', '100']] : []),
      ['2', 'c', 'u', '100'],
      ['3', 'e', 'c', '101'],
      ['4', 'a', 'r', '100'],
    ]);
  });

  it('after a snapshot counts even if none of its rows is left in the table', async () => {
    const target = made();
    produce(1, envelope('r', { id: 1, v: 'a', w: 'a' }, 100));
    // Two changes of one transaction that was under way, and a loader that starts between them.
    produce(1, envelope('u', { id: 1, v: 'b', w: 'b' }, 90));
    await run(target);
    produce(1, envelope('u', { id: 1, v: 'c', w: 'c' }, 95));
    await run(target);
    produce(1, envelope('u', { id: 1, v: 'd', w: 'd' }, 96));
    await run(target);
    expect(await rows(target)).toEqual([['1', 'd', 'd', 'u', '100', 'false', null]]);
  });

  it('never overwrites a newer one, and has no effect when repeated', async () => {
    const target = made();
    for (let twice = 0; twice < 2; twice++) {
      produce(1, envelope('c', { id: 1, v: 'a', w: 'a' }, 1));
      produce(1, envelope('u', { id: 1, v: 'b', w: 'b' }, 2));
      if (twice === 0) await run(target);
    }
    produce(1, envelope('c', { id: 1, v: 'a', w: 'a' }, 1));
    await run(target);
    expect(await rows(target)).toEqual([['1', 'b', 'b', 'u', '2', 'false', null]]);
  });

  it('stops the table if the source steps back', async () => {
    const target = made();
    produce(1, envelope('c', { id: 1, v: 'a', w: 'a' }, 1000));
    await run(target);
    produce(1, envelope('u', { id: 1, v: 'b', w: 'b' }, 10, { ts_ms: 1_790_000_000_000 }));
    await expect(run(target)).rejects.toThrow('the source steps back: position 10');
    const other = made();
    produce(1, envelope('c', { id: 1, v: 'a', w: 'a' }, 1));
    await run(other);
    produce(1, envelope('u', { id: 1, v: 'b', w: 'b' }, 2, { name: 'app2' }));
    await expect(run(other)).rejects.toThrow("its rows come from source 'app'");
  });

  it('before a truncate is written, and then the table stops', async () => {
    const target = made();
    produce(1, envelope('c', { id: 1, v: 'a', w: 'a' }, 1));
    produce(null, envelope('t', null, 2));
    produce(2, envelope('c', { id: 2, v: 'a', w: 'a' }, 3));
    await expect(run(target)).rejects.toThrow('was truncated');
    expect(await rows(target)).toEqual([['1', 'a', 'a', 'c', '1', 'false', null]]);
    const { changes, ...rest } = target;
    await run({ ...rest, changes: changes === null ? null : { ...changes, truncate: 'ignore' } });
    expect((await rows(target)).map(([id]) => id)).toEqual(['1', '2']);
  });

  it('is one row in a table without a key, and a delete has the row before', async () => {
    const target = lab.target({ a: 'integer' }, { format: 'debezium', changes: { ...CHANGES, keeps: false } });
    produce(null, envelope('c', { a: 1 }, 1));
    produce(null, envelope('u', { a: 2 }, 2));
    produce(null, envelope('d', null, 3).replace('"before":null', '"before":{"a":2}'));
    await run(target);
    expect(await lab.rows(`select a, _op, _deleted from raw.${target.identifier} order by _lsn`)).toEqual([
      ['1', 'c', 'false'],
      ['2', 'u', 'false'],
      ['2', 'd', 'true'],
    ]);
  });

  it('from two topics with the same ids fills one table with the topic in its key', async () => {
    const target = lab.target(
      { id: 'integer', v: 'text' },
      { format: 'debezium', mode: 'upsert', key: ['t', 'id'], changes: CHANGES, topic: 'a, b', topics: ['a', 'b'] },
    );
    const columns = [...target.columns, { name: 't', type: 'text', origin: { part: 'topic' } }] as const;
    for (const [i, topic] of ['a', 'b'].entries()) {
      lab.broker.create(topic, 1);
      for (const [op, id, lsn] of [
        ['c', 1, 10],
        ['c', 2, 20],
        ['u', 2, 30],
        [topic === 'b' ? 'd' : 'u', 1, 40],
      ] as const) {
        const after = op === 'd' ? null : { id, v: `${topic}${lsn}` };
        const raw = Buffer.from(envelope(op, after, lsn + i));
        lab.broker.produce(topic, 0, null, { key: i === 0 ? `{"id":${id}}` : String(id), raw });
      }
    }
    await run({ ...target, columns });
    expect(await lab.rows(`select t, id, v, _deleted from raw.${target.identifier} order by 1, 2`)).toEqual([
      ['a', '1', 'a40', 'false'],
      ['a', '2', 'a30', 'false'],
      ['b', '1', 'b10', 'true'],
      ['b', '2', 'b30', 'false'],
    ]);
  });

  it('from one topic fills a table with personal data and one without', async () => {
    const restricted = lab.target(
      { id: 'integer', email: 'text', phone: 'text' },
      { format: 'debezium', mode: 'upsert', key: ['id'], changes: CHANGES, schema: 'restricted' },
    );
    const open: LoadTarget = {
      ...restricted,
      uniqueId: 'source.p.open.users',
      name: 'open.users',
      schema: 'open',
      identifier: 'users',
      columns: [
        { name: 'id', type: 'integer' },
        { name: 'email', type: 'text' },
      ],
      hash: ['email'],
      drop: ['phone'],
    };
    produce(1, envelope('c', { id: 1, email: 'a@example.com', phone: '0123' }, 1));
    produce(1, envelope('u', { id: 1, email: 'b@example.com', phone: '0123' }, 2));
    // Each table's loader has a group of its own.
    await run(restricted);
    await run(open);
    expect(await lab.rows(`select email, phone from restricted.${restricted.identifier}`)).toEqual([
      ['b@example.com', '0123'],
    ]);
    const [row] = await lab.rows('select users::text from open.users');
    expect(row?.[0]).toMatch(/^\(1,[\da-f]{64},/);
    expect(row?.[0]).not.toMatch(/example\.com|0123/);
  });
});

describe('key columns that are not in the message key', () => {
  const columns = [
    { name: 't', type: 'text', origin: { part: 'topic' } },
    { name: 'id', type: 'bigint' },
  ] as const;
  const target: LoadTarget = { ...targetOf({}), key: ['t', 'id'], columns };

  it('are not expected in it, and a key of one other column may be a plain value', async () => {
    for (const key of ['{"id":7}', '7'])
      expect(await decoded(target, key, envelope('c', { id: 7 }))).toMatchObject({ record: { id: 7 } });
  });

  it('do not make its other fields optional', async () => {
    const change = envelope('c', { id: 7 });
    await expect(decoded(target, '{"id":7,"t":1}', change)).rejects.toThrow("the message's key has 't', too");
    await expect(decoded(target, '{}', change)).rejects.toThrow("the message's key has no 'id'");
    const whole = { ...target, columns: [{ name: 't', type: 'text', origin: { part: 'key', path: [] } }] } as const;
    expect(await decoded({ ...whole, key: ['t'] }, '{"id":7}', change)).toMatchObject({ op: 'c' });
  });
});

describe('a table that keeps no old values', () => {
  const large = '{"id":1,"other":"__debezium_unavailable_value"}';

  it('may have an unchanged large value, unless new fields become columns', async () => {
    const target = { ...targetOf({}, { keeps: false }), rest: null };
    expect(await decoded(target, '{"id":1}', envelope('u', large))).toMatchObject({
      record: { id: 1 },
      unavailable: [],
    });
    for (const more of [{ rest: '_rest' }, { schemaDrift: 'add_column' }] as const)
      await expect(decoded({ ...target, ...more }, '{"id":1}', envelope('u', large))).rejects.toThrow(
        "the source did not say the unchanged value of 'other'",
      );
  });
});
