// Dead letters as messages again: read in the order of their offsets, opened where they were sealed, for another try.
import type { Session } from '../adapters/adapter.ts';
import { ofTable, STATE_SCHEMA } from '../state/load-offsets.ts';
import type { Message } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import type { Sealer } from './seal.ts';

/** One of them, with the id under which it is kept. */
export interface StoredLetter {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
}

/** The id of the target's newest letter; '0' when it has none. */
export async function newestLetter(session: Session, target: LoadTarget): Promise<string> {
  const { table } = await session.execute(
    `select coalesce(max(id), 0)::text from ${STATE_SCHEMA}.dead_letters as d where ${ofTable(target, 'd')}`,
    { fetch: true },
  );
  return String(table.rows[0]?.values[0]);
}

/** At most `limit` letters of the target that were not replayed, after `after` and up to `upTo`. */
export async function readLetters(
  session: Session,
  target: LoadTarget,
  sealer: Sealer,
  { after, upTo, limit }: { after: string; upTo: string; limit: number },
): Promise<StoredLetter[]> {
  const { table } = await session.execute(
    'select id::text, topic, partition, "offset"::text, floor(extract(epoch from kafka_ts) * ' +
      `1000)::bigint::text, encode(key, 'hex'), encode(value, 'hex'), headers::text, sealed
from ${STATE_SCHEMA}.dead_letters as d where ${ofTable(target, 'd')} and replayed_at is null and id > ` +
      `${after} and id <= ${upTo} order by id limit ${limit}`,
    { fetch: true },
  );
  return table.rows.map(({ values: [id, topic, partition, offset, time, key, value, headers, sealed] }) => {
    const bytes = (hex: unknown): Uint8Array | null =>
      hex === null
        ? null
        : sealed === true
          ? sealer.open(Buffer.from(String(hex), 'hex'))
          : Buffer.from(String(hex), 'hex');
    const written = JSON.parse(String(headers ?? '[]')) as [string, string | null][];
    return {
      id: String(id),
      topic: String(topic),
      partition: Number(partition),
      message: {
        offset: BigInt(String(offset)),
        timestamp: time === null ? null : Number(time),
        key: bytes(key),
        value: bytes(value),
        headers: written.map(
          ([name, text]) =>
            [
              name,
              text === null
                ? null
                : sealed === true
                  ? sealer.open(Buffer.from(text, 'base64'))
                  : Buffer.from(text, 'base64'),
            ] as const,
        ),
      },
    };
  });
}
