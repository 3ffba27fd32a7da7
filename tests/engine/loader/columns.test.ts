// Tests columns with another origin than the field of their name: parts of the message, paths, epochs, in JSON and
// Avro, also in tombstones and replayed dead letters.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { avroDecoder } from '../../../src/loader/formats/avro/avro-decoder.ts';
import { parseSchema } from '../../../src/loader/formats/avro/avro-schema.ts';
import { writeAvro } from '../../../src/loader/avro/writer.ts';
import type { LoadColumn, LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import { bothWays, framed, schemaOf } from '../support/avro.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { LoadLab } from './load-lab.ts';

describe('the columns of a load target', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  const target = (columns: readonly LoadColumn[], more: Partial<LoadTarget> = {}): LoadTarget => ({
    ...lab.target({}, more),
    columns,
  });
  const held = async (t: LoadTarget, columns: string): Promise<(string | null)[][]> =>
    lab.rows(`select ${columns} from raw.${t.identifier} order by _offset`);
  const within = (name: string, type: string, ...path: readonly (string | number)[]): LoadColumn => ({
    name,
    type,
    origin: { part: 'value', path },
  });

  it('can contain key, headers, position and time of a message', async () => {
    const t = target(
      [
        { name: 'id', type: 'bigint', origin: { part: 'key', path: ['id'] } },
        { name: 'key', type: 'text', origin: { part: 'key', path: [] } },
        { name: 'key_bytes', type: 'bytea', origin: { part: 'key', path: [] } },
        { name: 'trace', type: 'text', origin: { part: 'header', name: 'trace' } },
        { name: 'traces', type: 'text[]', origin: { part: 'header', name: 'trace' } },
        { name: 'raw_trace', type: 'bytea', origin: { part: 'header', name: 'trace' } },
        { name: 'headers', type: 'jsonb', origin: { part: 'headers' } },
        { name: 'from_topic', type: 'text', origin: { part: 'topic' } },
        { name: 'from_partition', type: 'integer', origin: { part: 'partition' } },
        { name: 'place', type: 'bigint', origin: { part: 'offset' } },
        { name: 'sent', type: 'timestamptz', origin: { part: 'timestamp' } },
        { name: 'sent_ms', type: 'bigint', origin: { part: 'timestamp' } },
        { name: 'v', type: 'text' },
      ],
      { partitionBy: { column: 'sent', every: 'day' } },
    );
    const headers = [
      ['trace', Buffer.from('a\tb')],
      ['bad', Buffer.from([255])],
      ['trace', Buffer.from('c')],
      ['none', null],
    ] as const;
    // The field `key` has no column: the key fills that.
    lab.broker.produce('t', 0, { v: 'x', key: 'field' }, { key: '{"id": 7}', headers, timestamp: 1_767_225_600_123 });
    lab.broker.produce('t', 0, { v: 'y' }, { key: null, headers: [], timestamp: 1_767_225_600_124 });
    lab.broker.produce('t', 0, { v: 'z' }, { key: 'no JSON', headers: [] });
    expect(await lab.load(t)).toEqual({ rows: 2, dead: 1, stopped: [] });
    expect(
      await held(
        t,
        'id, key, key_bytes::text, trace, traces::text, raw_trace::text, headers::text, from_topic, from_partition, ' +
          "place, (sent at time zone 'UTC')::text, sent_ms, v, _rest::text",
      ),
    ).toEqual([
      [
        '7',
        '{"id": 7}',
        '\\x7b226964223a20377d',
        'c',
        '{"a\tb",c}',
        '\\x63',
        '{"bad": {"base64": "/w=="}, "none": null, "trace": ["a\\tb", "c"]}',
        't',
        '0',
        '0',
        '2026-01-01 00:00:00.123',
        '1767225600123',
        'x',
        '{"key": "field"}',
      ],
      [null, null, null, null, null, null, '{}', 't', '0', '1', '2026-01-01 00:00:00.124', '1767225600124', 'y', null],
    ]);
    expect(await lab.letters(t)).toEqual([[2, 'the key is not JSON']]);
  });

  it('can contain values within objects and lists, and leave the others', async () => {
    const t = target(
      [
        within('city', 'text', 'address', 'city'),
        within('first', 'numeric', 'items', 0, 'price'),
        within('renamed', 'text', 'other'),
        within('secret', 'text', 'user', 'email'),
        { name: 'items_hash', type: 'text', origin: { part: 'value', path: ['user', 'name'] } },
      ],
      { hash: ['secret'], drop: ['internal'], schemaDrift: 'dead_letter' },
    );
    for (const value of [
      {
        address: { city: 'Bern', zip: 3000 },
        items: [{ price: 1.5 }, { price: 2 }],
        other: 'o',
        user: { email: 'a@b' },
      },
      { address: 'Bern', items: [], other: null, user: null, city: 'of no column' },
      { address: { city: null }, items: [{ price: 1, x: 1 }], user: { name: 'n', email: 'a@b' }, internal: 1 },
      { address: { city: { deep: [1] } }, items: { 0: 'x' } },
      { unheard: 1 },
      {},
    ])
      lab.broker.produce('t', 0, value);
    expect((await lab.load(t)).rows).toBe(5);
    const rows = await held(t, 'city, first::text, renamed, length(secret), items_hash, _rest::text');
    expect(rows).toEqual([
      ['Bern', '1.5', 'o', '64', null, '{"items": [null, {"price": 2}], "address": {"zip": 3000}}'],
      [null, null, null, null, null, '{"city": "of no column", "user": null, "items": [], "address": "Bern"}'],
      [null, '1', null, '64', 'n', '{"items": [{"x": 1}]}'],
      ['{"deep":[1]}', null, null, null, null, '{"items": {"0": "x"}}'],
      [null, null, null, null, null, null],
    ]);
    expect(JSON.stringify(rows)).not.toContain('a@b');
    expect(await lab.letters(t)).toEqual([[4, "no column is declared for 'unheard'"]]);
  });

  it('can contain numbers since 1970 in the declared unit', async () => {
    const t = target([
      { name: 's', type: 'timestamptz', epoch: 0 },
      { name: 'us', type: 'timestamp', epoch: 6 },
      { name: 'd', type: 'date', epoch: 3 },
      { name: 'ms', type: 'timestamptz' },
    ]);
    const last = 1_767_225_600;
    for (const value of [
      { s: last + 0.25, us: last * 1e6 + 123_456, d: last * 1000, ms: last * 1000 + 0.9 },
      { s: `${last}`, us: '2026-01-01 02:00:00+02', d: '2026-01-01', ms: '2026-01-01T00:00:00Z' },
      { s: -1.5, us: -1, d: -1, ms: -1 },
      { s: 1e18 },
      { s: 9_224_318_016_000 },
    ])
      lab.broker.produce('t', 0, value);
    expect(await lab.load(t)).toEqual({ rows: 3, dead: 2, stopped: [] });
    expect(await held(t, "(s at time zone 'UTC')::text, us::text, d::text, (ms at time zone 'UTC')::text")).toEqual([
      ['2026-01-01 00:00:00.25', '2026-01-01 00:00:00.123456', '2026-01-01', '2026-01-01 00:00:00'],
      ['2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01', '2026-01-01 00:00:00'],
      ['1969-12-31 23:59:58.5', '1969-12-31 23:59:59.999999', '1969-12-31', '1969-12-31 23:59:59.999'],
    ]);
    expect(await lab.letters(t)).toEqual([
      [3, expect.stringMatching(/^column 's': the number, read as seconds .* it is probably in nanoseconds: /)],
      [4, expect.stringMatching(/^column 's': the number, read as seconds .* it is probably in microseconds: /)],
    ]);
  });

  it('of a key identify rows, including for tombstones, and dead letters are replayed with them', async () => {
    const t = target(
      [
        { name: 'tenant', type: 'text', origin: { part: 'header', name: 'tenant' } },
        { name: 'id', type: 'text', origin: { part: 'key', path: [] } },
        { name: 'n', type: 'integer' },
      ],
      { mode: 'upsert', key: ['tenant', 'id'] },
    );
    const send = (id: string | null, tenant: string, value: unknown, raw?: null): void => {
      const headers = [['tenant', Buffer.from(tenant)]] as const;
      lab.broker.produce('t', 0, value, { key: id, headers, ...(raw === null ? { raw } : {}) });
    };
    send('1', 'a', { n: 1 });
    send('1', 'b', { n: 2 });
    send('1', 'a', { n: 3 });
    send('1', 'b', null, null);
    send(null, 'b', { n: 4 });
    send('2', 'a', { n: 'x' });
    expect(await lab.load(t)).toEqual({ rows: 4, dead: 2, stopped: [] });
    expect(await lab.rows(`select tenant, id, n, _deleted from raw.${t.identifier} order by 1, 2`)).toEqual([
      ['a', '1', '3', 'false'],
      ['b', '1', '2', 'true'],
    ]);
    expect((await lab.letters(t)).map(([, why]) => why)).toEqual([
      "key column 'id' is null",
      "column 'n': invalid input syntax for type integer",
    ]);
    await lab.rows(`alter table raw.${t.identifier} alter column n type text`);
    const columns = t.columns.map((column) => (column.name === 'n' ? { ...column, type: 'text' } : column));
    const replayed = await replayLetters({
      sink: lab.sink,
      decoder: jsonDecoder,
      target: { ...t, columns },
      hashKey: 'key',
      loadId: 'again',
      now: Date.now,
    });
    expect(replayed).toEqual({ rows: 1, dead: 1 });
    expect(await lab.rows(`select tenant, id, n from raw.${t.identifier} where id = '2'`)).toEqual([['a', '2', 'x']]);
  });

  it('of Avro can contain values within records, maps and lists, and Avro keys', async () => {
    const key = { type: 'record', name: 'Key', fields: [{ name: 'id', type: 'long' }] };
    const place = {
      type: 'record',
      name: 'Place',
      fields: [
        { name: 'city', type: 'string' },
        { name: 'zip', type: 'int' },
      ],
    };
    const value = {
      type: 'record',
      name: 'Order',
      fields: [
        { name: 'address', type: ['null', place] },
        { name: 'tags', type: { type: 'map', values: 'string' } },
        { name: 'items', type: { type: 'array', items: 'double' } },
        { name: 'at', type: 'long' },
        { name: 'gone', type: place.name },
      ],
    };
    const asked: number[] = [];
    const schemas = [JSON.stringify(key), JSON.stringify(value)];
    const registry = {
      schema: async (id: number) => {
        asked.push(id);
        const schema = schemas[id - 1];
        return schema === undefined ? null : { schema, type: 'AVRO', references: new Map<string, string>() };
      },
    };
    const t = target(
      [
        { name: 'id', type: 'bigint', origin: { part: 'key', path: ['id'] } },
        within('city', 'text', 'address', 'city'),
        within('colour', 'text', 'tags', 'colour'),
        within('second', 'double precision', 'items', 1),
        within('nowhere', 'text', 'address', 'street'),
        within('gone_zip', 'integer', 'gone', 'zip'),
        { name: 'at', type: 'timestamptz', epoch: 6 },
      ],
      { format: 'avro', mode: 'upsert', key: ['id'], drop: ['gone'] },
    );
    const [keyType, valueType] = [key, value].map((schema) => parseSchema(JSON.stringify(schema)));
    if (keyType === undefined || valueType === undefined) throw new Error('no schema');
    const send = (id: number, sent: unknown, keyId = 1): void => {
      lab.broker.produce('t', 0, null, {
        keyBytes: framed(writeAvro(keyType, { id }), keyId),
        raw: sent === null ? null : framed(writeAvro(valueType, sent), 2),
      });
    };
    const order = { address: { city: 'Bern', zip: 3000 }, tags: { colour: 'red', x: 'y' }, items: [1, 2.5] };
    send(1, { ...order, at: 1_767_225_600_123_456, gone: { city: 'x', zip: 1 } });
    send(2, { address: null, tags: {}, items: [1], at: -1, gone: { city: 'x', zip: 2 } });
    send(3, { ...order, at: 0, gone: { city: 'x', zip: 3 } }, 9);
    send(2, null);
    expect(await lab.load(t, { decoder: avroDecoder(registry, t, Date.now) })).toEqual({
      rows: 3,
      dead: 1,
      stopped: [],
    });
    expect(asked.sort()).toEqual([1, 2, 9]);
    expect(
      await lab.rows(
        `select id, city, colour, second::text, nowhere, gone_zip, (at at time zone 'UTC')::text, _rest::text, _deleted
         from raw.${t.identifier} order by 1`,
      ),
    ).toEqual([
      [
        '1',
        'Bern',
        'red',
        '2.5',
        null,
        '1',
        '2026-01-01 00:00:00.123456',
        '{"tags": {"x": "y"}, "items": [1, null], "address": {"zip": 3000}}',
        'false',
      ],
      [
        '2',
        null,
        null,
        null,
        null,
        '2',
        '1969-12-31 23:59:59.999999',
        '{"tags": {}, "items": [1], "address": null}',
        'true',
      ],
    ]);
    expect(await lab.letters(t)).toEqual([[2, 'the registry has no schema 9']]);
  });
});

describe('directly made Avro rows', () => {
  const within = (name: string, type: string, ...path: readonly (string | number)[]): LoadColumn => ({
    name,
    type,
    origin: { part: 'value', path },
  });

  it('have the digits of doubles that JavaScript writes', () => {
    const fields = ['a', 'b', 'c', 'd'].map((name) => ({ name, type: 'double' }));
    const stored = (type: string, modifier = -1): LoadColumn['stored'] => ({
      input: type,
      type,
      modifier,
      element: null,
      labels: null,
      required: false,
    });
    const target = loadTargetOf('t', {
      columns: [
        { name: 'a', type: 'numeric', stored: stored('numeric') },
        { name: 'b', type: 'double precision', stored: stored('float8') },
        { name: 'c', type: 'text' },
        // numeric(5, 2)
        { name: 'd', type: 'numeric(5,2)', stored: stored('numeric', (5 << 16) + 2 + 4) },
      ],
    });
    const type = { type: 'record', name: 'R', fields };
    const schema = schemaOf(type, target);
    const special = [0, -0, 1, -1, 0.1, 0.0001, 0.00001, 999.99, 999.995, 1000, 1e9, 999_999_999.9999, 1e21, 1e-7];
    const random = Array.from({ length: 3000 }, (_, i) => {
      const digits = i % 7;
      const whole = (Math.imul(i + 1, 2_654_435_761) >>> 0) % 10 ** (1 + (i % 9));
      return ((i % 2 === 0 ? 1 : -1) * whole) / 10 ** digits;
    });
    let fast = 0;
    for (const value of [...special, ...random, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, Number.MAX_VALUE]) {
      const message = writeAvro(parseSchema(JSON.stringify(type)), { a: value, b: value, c: value, d: value % 1000 });
      const made = bothWays(schema, target, target.columns, message);
      if (made.fast === null) continue;
      fast++;
      expect(made.fast, String(value)).toEqual(made.slow);
    }
    expect(fast).toBeGreaterThan(2500);
  });

  it('have the values of paths, numbers since 1970, and the rest that these leave', () => {
    const inner = {
      type: 'record',
      name: 'Inner',
      fields: [
        { name: 'x', type: ['null', 'string'] },
        { name: 'y', type: { type: 'array', items: 'long' } },
      ],
    };
    const type = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: ['null', inner] },
        { name: 'b', type: 'Inner' },
        { name: 'at', type: 'long' },
        { name: 'hidden', type: 'Inner' },
        { name: 'x', type: 'string' },
      ],
    };
    const columns = [
      within('a_x', 'text', 'a', 'x'),
      within('a_first', 'bigint', 'a', 'y', 0),
      within('b_whole', 'jsonb', 'b'),
      within('b_x', 'text', 'b', 'x'),
      within('renamed', 'text', 'x'),
      within('x', 'text', 'hidden', 'x'),
      { name: 'at', type: 'timestamptz', epoch: 3 },
      { name: 'place', type: 'bigint', origin: { part: 'offset' as const } },
    ];
    for (const more of [
      {},
      { rest: null },
      { drop: ['hidden'] },
      { partitionBy: { column: 'at', every: 'day' as const } },
    ]) {
      const target = loadTargetOf('t', { columns, ...more });
      const schema = schemaOf(type, target);
      for (const [i, a] of [null, { x: 'ä\t', y: [1, 2] }, { x: null, y: [7] }, { x: 'y', y: [] }].entries()) {
        const value = {
          a,
          b: { x: 'b', y: [] },
          at: 1_767_225_600_123 - i * 5e11,
          hidden: { x: 'h', y: [1] },
          x: 'top',
        };
        const message = writeAvro(parseSchema(JSON.stringify(type)), value);
        const made = bothWays(schema, target, columns, message);
        expect(made.fast).not.toBeNull();
        expect(made.fast).toEqual(made.slow);
      }
    }
  });
});
