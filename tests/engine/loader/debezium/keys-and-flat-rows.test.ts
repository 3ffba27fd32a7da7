// Keys of changes that are no object, and rows that Debezium's ExtractNewRecordState has flattened.
import { describe, expect, it } from 'vitest';
import { parseSchema } from '../../../../src/loader/formats/avro/avro-schema.ts';
import { writeAvro } from '../../../../src/loader/avro/writer.ts';
import { Change, SKIPPED } from '../../../../src/loader/formats/row-change.ts';
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import { decodeMessage } from '../../../../src/loader/formats/decode-message.ts';
import { RowEncoder } from '../../../../src/loader/formats/rows/row-encoder.ts';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { decoded, envelope, type Members, message, targetOf } from './changes-lab.ts';

describe('a key that is not an object', () => {
  const key = async (written: string, more: Partial<LoadTarget> = {}): Promise<unknown> => {
    const found = await decoded({ ...targetOf({ v: 'text' }), ...more }, written, envelope('u', { v: 'x' }));
    return found instanceof Change ? found.record['id'] : found;
  };

  it('is the only column of the key', async () => {
    expect(await key('7')).toBe(7);
    expect(String(await key('9007199254740993'))).toBe('9007199254740993');
    expect(await key('"a b"')).toBe('a b');
    expect(await key('a-b')).toBe('a-b');
    expect(await key('{"schema":{"type":"int64","optional":false},"payload":7}')).toBe(7);
    const day = '{"schema":{"type":"int32","name":"io.debezium.time.Date"},"payload":1}';
    expect(await key(day, { columns: [{ name: 'id', type: 'date' }] })).toBe('1970-01-02');
  });

  it.each(['text', 'varchar(20)', 'uuid', 'citext', 'String', 'LowCardinality(String)', 'FixedString(4)'])(
    'is stored unchanged in a text column: %s',
    async (type) => {
      const columns = [{ name: 'id', type }];
      for (const written of [
        '1.1',
        '1.10',
        '1e5',
        '-0',
        ' 7',
        '007',
        'null',
        'true',
        '[1]',
        '"',
        'a "b"',
        '{a}',
        '{',
        ' {"id":',
        '{"id":1}x',
      ])
        expect(await key(written, { columns })).toBe(written);
      expect(await key('"1.10"', { columns })).toBe('1.10');
      expect(await key('{"id":"1.10"}', { columns })).toBe('1.10');
    },
  );

  it.each(['bigint', 'numeric(10,2)', 'double precision', 'UInt64', 'Nullable(Decimal(9, 2))', 'Int8'])(
    'is a number in a numeric column: %s',
    async (type) => {
      expect(await key(' 7', { columns: [{ name: 'id', type }] })).toBe(7);
      await expect(key('{7', { columns: [{ name: 'id', type }] })).rejects.toThrow('not JSON');
    },
  );

  it('of an append table fills its key, or nothing', async () => {
    const row = envelope('c', { id: 7, v: 'x' });
    const append = { ...targetOf({ v: 'text' }), mode: 'append', key: [] } as const;
    const schema = '{"schema":{"type":"int64","optional":false},"payload":7}';
    for (const written of ['7', '"a"', 'a-b', '{a}', schema])
      expect(await decoded(append, written, row)).toMatchObject({ record: { id: 7, v: 'x' } });
    const gone = envelope('d', null);
    await expect(decoded(append, '7', gone)).rejects.toThrow("the load config's 'key' names no column for it");
    expect(await decoded({ ...append, key: ['id'] }, '7', gone)).toMatchObject({ op: 'd', record: { id: 7 } });
  });

  it('is rejected if the key has two columns', async () => {
    await expect(key('7', { key: ['id', 'v'] })).rejects.toThrow('not a JSON object');
  });
});

describe('a flattened row', () => {
  const flat = (changes: Partial<ChangeConfig> = {}, more: Partial<LoadTarget> = {}): LoadTarget => ({
    ...targetOf({ v: 'text', day: 'date' }, { flattened: true, ...changes }),
    topic: 'app.shop.orders',
    ...more,
  });
  const told = (op: string, lsn: number | null = 10): Members => ({
    ...{ __op: op, __lsn: lsn, __source_ts_ms: 1_780_000_000_000, __deleted: op === 'd' ? 'true' : 'false' },
  });
  const read = async (target: LoadTarget, row: Members, key = '{"id":1}'): Promise<unknown> => {
    const found = await decoded(target, key, JSON.stringify(row));
    return found instanceof Change ? { ...found, record: { ...found.record } } : found;
  };

  it('is a change in the order of the source', async () => {
    const at = '2026-05-28T20:26:40.000Z';
    const place = { position: 10n, source: 'app', at, micros: 1_780_000_000_000_000, committed: null };
    const more = { unavailable: [], ...place };
    expect(await read(flat(), { id: 1, v: 'x', day: 20545, ...told('r') })).toEqual({
      ...{ op: 'r', record: { id: 1, v: 'x', day: '2026-04-02' }, ...more },
    });
    expect(await read(flat(), { id: 1, v: '__debezium_unavailable_value', ...told('u') })).toEqual({
      ...{ op: 'u', record: { id: 1 }, ...more, unavailable: ['v'] },
    });
    // What a deleted row has beside its key may be invented.
    expect(await read(flat(), { id: 7, v: 'invented', ...told('d') })).toEqual({
      ...{ op: 'd', record: { id: 1 }, ...more },
    });
    expect(await read(flat({ deletes: 'ignore' }), { id: 7, ...told('d') })).toBe(SKIPPED);
    expect(await decoded(flat(), '{"id":1}', null)).toMatchObject({ op: 'd', record: { id: 1 }, source: null });
    expect(await decoded(flat({ deletes: 'ignore' }), '{"id":1}', null)).toBe(SKIPPED);
    const mysql = { __op: 'c', __file: 'bin.000003', __pos: 4, __source_ts_ms: 1, __deleted: 'false' };
    expect(await read(flat(), { id: 1, ...mysql })).toMatchObject({ position: (3n << 36n) | 4n });
    const named = { ...told('c'), __source_lsn: 12, __lsn: null, __source_name: 'other', __op: 'c' };
    expect(await read(flat(), { id: 1, ...named })).toMatchObject({ position: 12n, source: 'other' });
  });

  it('has its schema, in JSON and in Avro', async () => {
    const field = (name: string, type: string, logical?: string): Members => ({
      ...{ field: name, type, optional: true, ...(logical === undefined ? {} : { name: logical }) },
    });
    const schema = {
      type: 'struct',
      fields: [field('id', 'int64'), field('day', 'int32', 'io.debezium.time.Date'), field('__op', 'string')],
    };
    const payload = { id: 1, day: 1, ...told('c') };
    const key = { schema: { type: 'struct', fields: [field('id', 'int64')] }, payload: { id: 1 } };
    const wanted = { op: 'c', record: { id: 1, day: '1970-01-02' } };
    expect(await read(flat(), { schema, payload }, JSON.stringify(key))).toMatchObject(wanted);
    const fields = [
      { name: 'id', type: 'long' },
      { name: 'day', type: ['null', { type: 'int', 'connect.name': 'io.debezium.time.Date' }] },
      { name: '__op', type: ['null', 'string'] },
      { name: '__lsn', type: ['null', 'long'] },
      { name: '__source_ts_ms', type: ['null', 'long'] },
      { name: '__deleted', type: ['null', 'string'] },
    ];
    const text = JSON.stringify({ type: 'record', name: 'Value', fields });
    const registry = { schema: async () => ({ schema: text, type: 'AVRO', references: new Map<string, string>() }) };
    const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), writeAvro(parseSchema(text), payload)]);
    const found = await changeDecoder(registry, flat(), Date.now).message?.({ ...message('{"id":1}', ''), value });
    expect(found).toMatchObject({ op: 'c', record: { id: 1, day: '1970-01-02' }, position: 10n, source: 'app' });
  });

  it('keeps fields of the transform that are declared as columns', async () => {
    const target = targetOf({ __lsn: 'bigint' }, { flattened: true });
    expect(await read(target, { id: 1, __table: 't', ...told('c') })).toMatchObject({
      record: { id: 1, __table: 't', __lsn: 10 },
    });
  });

  it('keeps fields of the transform that a column takes by a path', async () => {
    const at = { name: 'at', type: 'timestamptz', origin: { part: 'value', path: ['__source_ts_ms'] } } as const;
    const target = targetOf({}, { flattened: true });
    const found = await read({ ...target, columns: [...target.columns, at] }, { id: 1, ...told('c') });
    expect(found).toMatchObject({ record: { id: 1, __source_ts_ms: 1_780_000_000_000 } });
    expect(found).not.toHaveProperty('record.__lsn');
  });

  it('keeps fields of the transform for columns that were added to the table', async () => {
    const target = flat();
    const columns = [...target.columns, { name: '__sequence', type: 'text' }];
    const plans = [target.columns, columns].map(
      (all) => new RowEncoder(target, { columns: all, hashKey: null, loadId: 'l' }).plan,
    );
    const row = { id: 1, v: 'x', __sequence: '["1","2"]', __source_sequence: '["1","2"]', ...told('c') };
    const found = plans.map((plan) =>
      decodeMessage(changeDecoder(null, target, Date.now), plan, message('{"id":1}', JSON.stringify(row))),
    );
    expect(found.map((change) => (change instanceof Change ? { ...change.record } : change))).toEqual([
      { id: 1, v: 'x' },
      { id: 1, v: 'x', __sequence: '["1","2"]' },
    ]);
  });

  it('without an exact order is rejected', async () => {
    const refused = async (row: Members, target = flat()): Promise<string> =>
      read(target, row).then(String, (error: unknown) => (error instanceof Error ? error.message : ''));
    expect(await refused({ id: 1, ...told('c', null) })).toMatch(
      /^the flattened row has no '__lsn', without which changes have no order: the transform needs add\.fields: op,lsn/,
    );
    expect(await refused({ id: 1 })).toMatch("has no '__op', '__lsn', '__source_ts_ms', '__deleted',");
    const { __deleted: _, ...undeleted } = told('c');
    expect(await refused({ id: 1, ...undeleted })).toMatch("has no '__deleted',");
    expect(await read(flat({ deletes: 'ignore' }), { id: 1, ...undeleted })).toMatchObject({ op: 'c' });
    expect(await refused({ id: 1, ...told('c') }, flat({}, { topics: ['a.b', 'a.c'] }))).toMatch("no '__source_name',");
    expect(await refused(JSON.parse(envelope('c', { id: 1 })) as Members)).toMatch("has no '__op'");
  });
});
