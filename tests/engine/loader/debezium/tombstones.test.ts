// Topics that are compacted keep only the tombstone of a deleted key: it deletes the row, in the order of the topic.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSchema } from '../../../../src/loader/formats/avro/avro-schema.ts';
import { SKIPPED } from '../../../../src/loader/formats/row-change.ts';
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { PoisonMessage } from '../../../../src/loader/formats/message-decoder.ts';
import { replayLetters } from '../../../../src/loader/replay.ts';
import { clickhouseMissing } from '../../support/clickhouse.ts';
import { ClickHouseLab } from '../clickhouse-lab.ts';
import { LoadLab } from '../load-lab.ts';
import { writeAvro } from '../../../../src/loader/avro/writer.ts';
import { CHANGES, envelope } from './changes-lab.ts';
import { recorded } from './envelopes.ts';

type Registry = Parameters<typeof changeDecoder>[0];

const DATABASES = ['Postgres', 'ClickHouse'] as const;

describe.each(DATABASES)('a tombstone without its delete event, in %s,', (database) => {
  const clickhouse = database === 'ClickHouse';
  if (clickhouse && clickhouseMissing !== null) return;
  let lab: LoadLab | ClickHouseLab;
  beforeAll(async () => {
    lab = clickhouse ? new ClickHouseLab('tombstones') : await LoadLab.open();
  });
  afterAll(() => lab.close());

  const made = (
    changes: Partial<ChangeConfig> = {},
    { columns = ['id'], ...more }: Partial<Omit<LoadTarget, 'columns'>> & { readonly columns?: readonly string[] } = {},
  ): LoadTarget => {
    const whole = clickhouse ? 'Int32' : 'integer';
    const text = clickhouse ? 'Nullable(String)' : 'text';
    return lab.target(Object.fromEntries([...columns.map((name) => [name, whole] as const), ['v', text] as const]), {
      ...{ format: 'debezium', mode: 'upsert', key: columns, rest: null },
      changes: { ...CHANGES, keeps: !clickhouse, ...changes },
      ...more,
    });
  };
  const send = (key: string | Buffer, value: string | null): void => {
    lab.broker.produce('t', 0, null, { keyBytes: Buffer.from(key), raw: value === null ? null : Buffer.from(value) });
  };
  const row = (id: number, v: string, lsn: number, op = 'c'): void =>
    send(`{"id":${id}}`, envelope(op, { id, v }, lsn));
  const deleted = (id: number, lsn: number): void => send(`{"id":${id}}`, envelope('d', null, lsn));
  const tombstone = (id: number): void => send(`{"id":${id}}`, null);
  const run = async (target: LoadTarget, registry: Registry = null): Promise<void> => {
    const { dead } = await lab.load(target, { decoder: changeDecoder(registry, target, Date.now) });
    expect(dead).toBe(0);
  };
  const all = async ({ schema, identifier }: LoadTarget, columns: string, order = 'id'): Promise<(string | null)[][]> =>
    lab.rows(`select ${columns} from ${schema}.${identifier} order by ${order}`);
  const kept = async ({ schema, identifier }: LoadTarget, columns = 'id, v'): Promise<(string | null)[][]> =>
    lab.rows(
      `select ${columns} from ${schema}.${identifier} ${clickhouse ? 'final' : ''} where not _deleted order by 1, 2`,
    );

  it.each([
    ['soft', 'one flush'],
    ['soft', 'a later load'],
    ['hard', 'one flush'],
    ['hard', 'a later load'],
  ] as const)('deletes the row (deletes: %s, %s)', async (deletes, when) => {
    const target = made({ deletes });
    row(1, 'a', 10);
    row(2, 'b', 20);
    row(3, 'c', 5, 'u');
    if (when === 'a later load') await run(target);
    tombstone(1);
    tombstone(3);
    await run(target);
    expect(await kept(target)).toEqual([['2', 'b']]);
    if (deletes === 'soft' && !clickhouse)
      expect(await all(target, 'id, v, _lsn, _op, _source')).toEqual([
        ['1', 'a', '10', 'd', 'app'],
        ['2', 'b', '20', 'c', 'app'],
        ['3', 'c', '5', 'd', 'app'],
      ]);
  });

  it.each([false, true])('deletes the row of a snapshot, even after its change (restart: %s)', async (restart) => {
    const target = made();
    row(1, 'a', 100, 'r');
    row(2, 'a', 100, 'r');
    row(1, 'b', 90, 'u');
    if (restart) await run(target);
    tombstone(1);
    tombstone(2);
    await run(target);
    expect(await kept(target)).toEqual([]);
  });

  it('after a delete event has no effect, even if the loader restarts between the two', async () => {
    const target = made();
    row(1, 'a', 10);
    row(2, 'b', 20);
    deleted(1, 30);
    tombstone(1);
    deleted(2, 40);
    await run(target);
    const columns = 'id, _lsn, _op, _offset, _source';
    const before = (await all(target, columns)).filter(([, , op]) => op === 'd');
    expect(before).toEqual([
      ['1', '30', 'd', '2', 'app'],
      ['2', '40', 'd', '4', 'app'],
    ]);
    tombstone(2);
    tombstone(2);
    await run(target);
    if (clickhouse) expect(await kept(target)).toEqual([]);
    else expect(await all(target, columns)).toEqual(before);
  });

  it('leaves nothing of a key that is not in the table', async () => {
    const target = made();
    tombstone(1);
    row(2, 'b', 20);
    tombstone(3);
    await run(target);
    expect(await kept(target)).toEqual([['2', 'b']]);
    if (!clickhouse) expect(await all(target, 'id')).toEqual([['2']]);
  });

  it.each([false, true])('is older than a row that is inserted again after it (restart: %s)', async (restart) => {
    const target = made();
    row(1, 'a', 10);
    // Another transaction, whose later change was committed earlier.
    row(2, 'b', 200);
    tombstone(1);
    if (restart) await run(target);
    row(1, 'again', 110);
    if (restart) await run(target);
    row(1, 'and again', 120, 'u');
    await run(target);
    expect(await kept(target)).toEqual([
      ['1', 'and again'],
      ['2', 'b'],
    ]);
  });

  it('deletes a row whose position is the highest and far back, after a restart', async () => {
    const target = made();
    row(1, 'a', 1000);
    for (let at = 0; at < 10_050; at++) lab.broker.skip('t', 0);
    // Of a transaction that began before: its position is lower.
    row(2, 'b', 500);
    await run(target);
    tombstone(1);
    await run(target);
    expect(await kept(target)).toEqual([['2', 'b']]);
  });

  it('that was a dead letter deletes the row when it is replayed, or stays a dead letter', async () => {
    const target = made();
    row(1, 'a', 10);
    row(2, 'b', 20);
    tombstone(1);
    row(2, 'c', 30, 'u');
    const decoder = changeDecoder(null, target, Date.now);
    const earlier: typeof decoder = {
      ...decoder,
      path: () => null,
      message(message, taken) {
        if (message.value === null) throw new PoisonMessage('an earlier version could not read it');
        return decoder.message?.(message, taken) ?? SKIPPED;
      },
    };
    expect((await lab.load(target, { decoder: earlier })).dead).toBe(1);
    const replayed = await replayLetters({
      ...{ sink: lab.sink, decoder, target },
      ...{ hashKey: null, loadId: 'replay', now: Date.now },
    });
    // Without a position ClickHouse could not tell whether the row is newer.
    expect(replayed).toEqual(clickhouse ? { rows: 0, dead: 1 } : { rows: 1, dead: 0 });
    expect(await kept(target)).toEqual([...(clickhouse ? [['1', 'a']] : []), ['2', 'c']]);
    if (clickhouse) expect((await lab.letters(target)).flat().join()).toContain('a tombstone has no position');
  });

  it('does not hide a source that steps back later', async () => {
    const target = made();
    row(1, 'a', 1000);
    row(2, 'a', 1001);
    tombstone(1);
    await run(target);
    row(2, 'b', 2000, 'u');
    await run(target);
    const sequence = JSON.stringify(['5', '10']);
    const value = envelope('u', { id: 2, v: 'c' }, 1500, { ts_ms: 1_790_000_000_000, sequence });
    send('{"id":2}', value);
    await expect(run(target)).rejects.toThrow('the source steps back: position 1500');
  });

  it('deletes by a key of several columns', async () => {
    const target = made({}, { columns: ['a', 'b'] });
    for (const b of [1, 2]) send(`{"a":1,"b":${b}}`, envelope('c', { a: 1, b, v: 'x' }, b));
    await run(target);
    send('{"b":2,"a":1}', null);
    await run(target);
    expect(await kept(target, 'a, b')).toEqual([['1', '1']]);
  });

  it('deletes by a key with a schema, and by a key that is a plain value', async () => {
    const target = made();
    const schema = { type: 'struct', fields: [{ field: 'id', type: 'int32', optional: false }] };
    row(1, 'a', 1);
    row(2, 'a', 2);
    row(3, 'a', 3);
    await run(target);
    send(JSON.stringify({ schema, payload: { id: 1 } }), null);
    send('2', null);
    await run(target);
    expect(await kept(target)).toEqual([['3', 'a']]);
  });

  it('deletes by a key in Avro', async () => {
    const target = made();
    const schema = JSON.stringify({ type: 'record', name: 'Key', fields: [{ name: 'id', type: 'int' }] });
    const registry = { schema: async () => ({ schema, type: 'AVRO', references: new Map<string, string>() }) };
    const key = (id: number): Buffer =>
      Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), writeAvro(parseSchema(schema), { id })]);
    for (const id of [1, 2]) send(key(id), envelope('c', { id, v: 'a' }, id));
    await run(target, registry);
    send(key(1), null);
    await run(target, registry);
    expect(await kept(target)).toEqual([['2', 'a']]);
  });

  it('deletes a flattened row', async () => {
    const target = made({ flattened: true });
    for (const id of [1, 2, 3]) {
      const told = { __op: 'c', __lsn: id, __source_ts_ms: 1_780_000_000_000, __deleted: 'false' };
      send(`{"id":${id}}`, JSON.stringify({ id, v: 'a', ...told }));
    }
    await run(target);
    tombstone(1);
    const told = { __op: 'd', __lsn: 9, __source_ts_ms: 1_780_000_000_000, __deleted: 'true' };
    send('{"id":2}', JSON.stringify({ id: 2, v: null, ...told }));
    tombstone(2);
    await run(target);
    expect(await kept(target)).toEqual([['3', 'a']]);
  });

  it('has no effect if deletes are ignored', async () => {
    const target = made({ deletes: 'ignore' });
    row(1, 'a', 1);
    tombstone(1);
    await run(target);
    expect(await kept(target)).toEqual([['1', 'a']]);
  });

  it.skipIf(clickhouse)('deletes a row that was inserted after a truncate', async () => {
    const target = made({ truncate: 'apply' });
    row(1, 'a', 1);
    lab.broker.produce('t', 0, null, { key: null, raw: Buffer.from(envelope('t', null, 2)) });
    row(2, 'b', 3);
    row(3, 'c', 4);
    await run(target);
    tombstone(2);
    await run(target);
    expect(await kept(target)).toEqual([['3', 'c']]);
  });

  it('of recorded changes has the same result as its delete event, wherever compaction begins', async () => {
    const messages = recorded('debezium-readable').filter(({ topic }) => topic.endsWith('.shop.orders'));
    const truncate = messages.findIndex(({ value }) => value?.includes('"op":"t"') === true);
    const whole = messages.slice(0, truncate);
    const newest = new Map(whole.map(({ key }, i) => [key, i]));
    const modes = { decimals: 'string', times: 'isostring', binary: 'hex' } as const;
    const loaded = async (parts: readonly (typeof whole)[]): Promise<(string | null)[][]> => {
      const target = made(modes);
      const only = {
        ...target,
        columns: target.columns.map((each) => (each.name === 'v' ? { ...each, name: 'status' } : each)),
      };
      for (const part of parts) {
        for (const { key, value } of part) send(key ?? '', value);
        await run(only);
      }
      return kept(only, 'id, status');
    };
    const expected = await loaded([whole]);
    const last = whole.findLastIndex(({ value }) => value === null);
    expect(last).toBeGreaterThan(0);
    for (const cut of [0, last - 1, Math.floor(last / 2)]) {
      const compacted = whole.filter(({ key }, i) => i >= cut && newest.get(key) === i);
      expect(await loaded([whole.slice(0, cut), compacted]), `cut at ${cut}`).toEqual(expected);
    }
  }, 60_000);
});
