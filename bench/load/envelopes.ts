// Measures what an envelope of Debezium costs as a row of Postgres: from its bytes, and by decoding it, which takes
// every envelope that the first way leaves. Recorded envelopes, with and without a schema, in turns; needs no server.
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { Change } from '../../src/loader/formats/row-change.ts';
import { changeDecoder } from '../../src/loader/formats/debezium/debezium-decoder.ts';
import { SnapshotFloors } from '../../src/loader/formats/debezium/snapshot-floors.ts';
import type { Records } from '../../src/loader/brokers/message-records.ts';
import { recordsOf } from '../../src/loader/brokers/message-records.ts';
import { RowBuffer } from '../../src/loader/formats/rows/row-buffer.ts';
import type { LoadTarget } from '../../src/loader/settings/load-target.ts';
import { RowEncoder } from '../../src/loader/formats/rows/row-encoder.ts';
import { CHANGES, ENVELOPE, FIELDS, wrapped } from '../../tests/engine/loader/debezium/connect-schema.ts';
import { targetOf } from './setup.ts';

const COLUMNS = {
  id: 'bigint',
  customer: 'uuid',
  status: 'text',
  total: 'numeric(12,2)',
  created_at: 'timestamptz',
  due: 'date',
  local_ts: 'timestamp',
  lines: 'jsonb',
};
/** Rows of one table as the connector for Postgres has written them. */
const RECORDED = readFileSync('tests/engine/loader/debezium/debezium-default.ndjson', 'utf8')
  .split('\n')
  .filter((line) => line.includes('.shop.orders"'))
  .map((line): { readonly key: string | null; readonly value: string | null } => JSON.parse(line))
  .flatMap(({ key, value }) => (value === null || key === null || /"op":"[tm]"/.test(value) ? [] : [{ key, value }]));
const AT = Buffer.from('2026-01-02T03:04:05.678Z');
const ROUNDS = 7;

export function main(small: boolean): void {
  const count = small ? 5000 : 50_000;
  process.stdout.write('| envelopes | of them from bytes | µs from bytes | µs by decoding | ratio | load |\n');
  process.stdout.write('|---|---|---|---|---|---|\n');
  for (const schema of [false, true]) {
    const found = RECORDED.map(({ key, value }) =>
      schema ? { key: wrapped(key, FIELDS.slice(0, 1)), value: wrapped(value, ENVELOPE) } : { key, value },
    );
    const messages = Array.from({ length: count }, (_, i) => {
      const { key = '', value = '' } = found[i % found.length] ?? {};
      const [offset, timestamp] = [BigInt(i), 1_767_225_600_123 + i];
      return { offset, timestamp, key: Buffer.from(key), value: Buffer.from(value), headers: [] };
    });
    const records = recordsOf(messages);
    const least = { quick: Number.POSITIVE_INFINITY, close: Number.POSITIVE_INFINITY, made: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const quick = fromBytes(records, count);
      least.made = quick.made;
      least.quick = Math.min(least.quick, quick.us / count);
      least.close = Math.min(least.close, byDecoding(records, count) / count);
    }
    const { quick, close, made } = least;
    process.stdout.write(
      `| ${schema ? 'with schema' : 'bare'} | ${Math.round((made / count) * 100)} % | ${quick.toFixed(2)} | ` +
        `${close.toFixed(2)} | ${(close / quick).toFixed(1)} | ${loadavg()[0]?.toFixed(1)} |\n`,
    );
  }
}

function parts(): {
  target: LoadTarget;
  decoder: ReturnType<typeof changeDecoder>;
  encoder: RowEncoder;
  place: Buffer;
} {
  const target = {
    ...targetOf('orders', 'upsert', { rows: 1e9, bytes: 1e12, ageMs: 1e9 }),
    format: 'debezium' as const,
    key: ['id'],
    columns: Object.entries(COLUMNS).map(([name, type]) => ({ name, type })),
    changes: CHANGES,
  };
  const decoder = changeDecoder(null, target, Date.now);
  const encoder = new RowEncoder(target, { columns: target.columns, hashKey: 'key', loadId: 'bench' });
  return { target, decoder, encoder, place: encoder.place('orders', 0) };
}

/** Microseconds of CPU, and how many envelopes became rows. */
function fromBytes(records: Records, count: number): { readonly us: number; readonly made: number } {
  const { target, decoder, encoder, place } = parts();
  const path = decoder.path?.(encoder.plan, new SnapshotFloors(target));
  const rows = new RowBuffer();
  rows.from(records, 'orders', 0);
  let made = 0;
  // Whose changes they are, the first one tells that is decoded.
  decoder.message?.(records.message(0));
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) if (path?.add(records, i, rows, place, AT) === true) made++;
  return { us: used(began), made };
}

function byDecoding(records: Records, count: number): number {
  const { target, decoder, encoder } = parts();
  const floors = new SnapshotFloors(target);
  const rows = new RowBuffer();
  rows.from(records, 'orders', 0);
  const loadedAt = AT.toString();
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const message = records.message(i);
    const change = decoder.message?.(message);
    if (!(change instanceof Change)) continue;
    const ranked = floors.ranked({ topic: 'orders', partition: 0 }, change);
    const row = encoder.encode(message, ranked, 'orders', 0, loadedAt);
    rows.add(i, row.line, row.key, row.tombstone, row.change);
  }
  return used(began);
}

function used(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
