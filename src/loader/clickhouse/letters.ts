// Dead letters in ClickHouse: written as one block, read as messages; sealed and opened if the target hides values.
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import { partitionKey } from '../brokers/broker.ts';
import { withoutValues } from '../dead-limit.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { Sealer } from '../seal.ts';
import { type DeadLetter, LETTER_BYTES, type StoredLetter } from '../sink.ts';
import { newestOfTable } from './intents.ts';
import type { LeasedSession } from './leased-session.ts';
import { relationOf, STATE_DATABASE } from './load-flushes.ts';
import { insertRows } from './write.ts';

const TABLE = `${STATE_DATABASE}.dead_letters`;
const COLUMNS = [
  'relation',
  'target',
  'topic',
  'partition',
  'offset',
  'kafka_ts',
  'key',
  'value',
  'headers',
  'sealed',
  'error',
  'load_id',
  'flush',
];
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

/** The flush of the dead letters. */
export interface LetterFlush {
  readonly loadId: string;
  /** The intent's id. */
  readonly flush: string;
  readonly token: string;
}

/** Adds dead letters to their table, unless the token is remembered. */
export async function writeLetters(
  lease: LeasedSession,
  target: LoadTarget,
  sealer: Sealer,
  dead: readonly DeadLetter[],
  { loadId, flush, token }: LetterFlush,
): Promise<void> {
  if (dead.length === 0) return;
  const sealed = sealer.seals(target);
  const lines = dead.map(({ message, topic, partition, error }) => {
    const headers = message.headers.map(([name, value]) => [
      name,
      value === null ? null : Buffer.from(sealer.seal(target, value) ?? []).toString('base64'),
    ]);
    const cells = [
      text(relationOf(target)),
      text(target.uniqueId),
      text(topic),
      partition,
      message.offset,
      message.timestamp === null ? '\\N' : new Date(message.timestamp).toISOString(),
      bytes(sealer.seal(target, message.key)),
      bytes(sealer.seal(target, message.value)),
      text(JSON.stringify(headers)),
      sealed ? 'true' : 'false',
      text(sealed ? withoutValues(error) : error),
      text(loadId),
      text(flush),
    ];
    return Buffer.from(`${cells.join('\t')}\n`, 'latin1');
  });
  await lease.insert(insertRows(TABLE, COLUMNS, token), lines);
}

/** Bytes as a cell of tab-separated text, one character each. */
function bytes(value: Uint8Array | null): string {
  if (value === null) return '\\N';
  return Buffer.from(value)
    .toString('latin1')
    .replace(/[\\\n\r\t\0]/g, (character) => ESCAPES[character] ?? character);
}

function text(value: string): string {
  return bytes(Buffer.from(value));
}

/** The id of the target's newest dead letter; '0' if it has none. */
export async function newestLetter(lease: LeasedSession, target: LoadTarget): Promise<string> {
  const [row] = await lease.ask(
    `SELECT toString(max(id)) FROM ${TABLE} WHERE relation = ${quoteText(relationOf(target))}`,
  );
  return row?.[0] ?? '0';
}

/**
 * At most `limit` dead letters of the target that were not replayed, after `after` and up to `upTo`; fewer if they are
 * large.
 */
export async function readLetters(
  lease: LeasedSession,
  target: LoadTarget,
  sealer: Sealer,
  { after, upTo, limit }: { after: string; upTo: string; limit: number },
): Promise<StoredLetter[]> {
  const rows = await lease.ask(
    'SELECT toString(id), topic, toString(partition), toString(offset), toString(toUnixTimestamp64Milli(kafka_ts)), ' +
      'hex(key), hex(value), headers, toString(sealed), toString(toUnixTimestamp64Milli(failed_at)) ' +
      'FROM (SELECT *, sum(ifNull(length(key), 0) + ifNull(length(value), 0) + length(headers)) ' +
      'OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before ' +
      `FROM ${TABLE} WHERE relation = ${quoteText(relationOf(target))} AND replayed_at IS NULL AND ` +
      `id > ${after} AND id <= ${upTo} ORDER BY id LIMIT ${limit}) WHERE before < ${LETTER_BYTES} ORDER BY id`,
  );
  const intents = rows.length === 0 ? [] : await newestOfTable(lease, target);
  const since = new Map(intents.map((intent) => [partitionKey(intent), intent.topicSince]));
  return rows.map(([id, topic, partition, offset, time, key, value, headers, hidden, failed]) => {
    const place = partitionKey({ topic: topic ?? '', partition: Number(partition) });
    const opened = (raw: Buffer): Uint8Array => (hidden === 'true' ? sealer.open(raw) : raw);
    const read = (hex: string | null | undefined): Uint8Array | null =>
      hex == null ? null : opened(Buffer.from(hex, 'hex'));
    const written: [string, string | null][] = JSON.parse(headers ?? '[]');
    return {
      id: id ?? '',
      topic: topic ?? '',
      partition: Number(partition),
      earlier: Number(failed) <= (since.get(place) ?? -1),
      message: {
        offset: BigInt(offset ?? '0'),
        timestamp: time == null ? null : Number(time),
        key: read(key),
        value: read(value),
        headers: written.map(([name, base64]) => [
          name,
          base64 === null ? null : opened(Buffer.from(base64, 'base64')),
        ]),
      },
    };
  });
}

/**
 * Marks dead letters as replayed, under the number of their replay. Idempotent. It waits until they are marked,
 * whatever the profile's settings: the next replay must see it.
 */
export function markReplayed(ids: readonly string[], seq: bigint): string {
  return (
    `ALTER TABLE ${TABLE} UPDATE replayed_at = now64(3, 'UTC'), replay = ${seq} WHERE id IN (${ids.join(', ')}) AND ` +
    'replayed_at IS NULL SETTINGS mutations_sync = 1'
  );
}
