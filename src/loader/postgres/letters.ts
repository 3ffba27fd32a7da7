// Dead letters in Postgres: written by COPY, read as messages for a replay; encrypted and decrypted if the target hides
// values.
import type { Session } from '../../adapters/adapter.ts';
import { escapeCopyText } from '../../adapters/copy-text.ts';
import { withoutValues } from '../dead-limit.ts';
import { ofTable, relationOf, STATE_SCHEMA } from './load-offsets.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { Sealer } from '../seal.ts';
import { type DeadLetter, LETTER_BYTES, type StoredLetter } from '../sink.ts';

/** The id of the target's newest letter; '0' if it has none. */
export async function newestLetter(session: Session, target: LoadTarget): Promise<string> {
  const { table } = await session.execute(
    `select coalesce(max(id), 0)::text from ${STATE_SCHEMA}.dead_letters as d where ${ofTable(target, 'd')}`,
    { fetch: true },
  );
  return String(table.rows[0]?.values[0]);
}

/**
 * At most `limit` letters of the target that were not replayed, after `after` and up to `upTo`; fewer if they are
 * large.
 */
export async function readLetters(
  session: Session,
  target: LoadTarget,
  sealer: Sealer,
  { after, upTo, limit }: { after: string; upTo: string; limit: number },
): Promise<StoredLetter[]> {
  const { table } = await session.execute(
    'select id::text, topic, partition, "offset"::text, floor(extract(epoch from kafka_ts) * ' +
      `1000)::bigint::text, encode(key, 'hex'), encode(value, 'hex'), headers::text, sealed,
exists (select from ${STATE_SCHEMA}.load_offsets as o where o.relation = d.relation and o.topic = d.topic and ` +
      `o.partition = d.partition and d.failed_at <= o.topic_since)
from (
  select *, sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) +
    coalesce(octet_length(headers::text), 0))
    over (order by id rows between unbounded preceding and 1 preceding) as before
  from ${STATE_SCHEMA}.dead_letters as d where ${ofTable(target, 'd')} and replayed_at is null and id > ` +
      `${after} and id <= ${upTo} order by id limit ${limit}
) as d where coalesce(before, 0) < ${LETTER_BYTES} order by id`,
    { fetch: true },
  );
  return table.rows.map(({ values: [id, topic, partition, offset, time, key, value, headers, sealed, earlier] }) => {
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
      earlier: earlier === true,
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

/**
 * Deletes the letters that failed again in a replay, so that a message has one letter. The new letter keeps the time of
 * the first failure, which identifies the topic that the message belongs to. Runs in the transaction that added the new
 * letters.
 */
export function replaceFailedAgain(ids: readonly string[]): string {
  return (
    `with again as (
  update ${STATE_SCHEMA}.dead_letters as d set failed_at = o.failed_at from ${STATE_SCHEMA}.dead_letters as o ` +
    `where o.id in (${ids.join(', ')}) and d.relation = o.relation and d.topic = o.topic and ` +
    'd.partition = o.partition and d."offset" = o."offset" and d.kafka_ts is not distinct from o.kafka_ts and ' +
    `d.replayed_at is null and d.failed_at = now() returning o.id
)
delete from ${STATE_SCHEMA}.dead_letters where id in (select id from again)`
  );
}

/** Inserts dead letters. */
export async function writeLetters(
  session: Session,
  target: LoadTarget,
  sealer: Sealer,
  loadId: string,
  dead: readonly DeadLetter[],
): Promise<void> {
  const bytes = (value: Uint8Array | null): string =>
    value === null ? '\\N' : `\\\\x${Buffer.from(value).toString('hex')}`;
  const text = (value: string): string => escapeCopyText(value.replaceAll('\0', '\u2400'));
  const sealed = sealer.seals(target);
  const letters = dead.map(({ message, topic, partition, error }) => {
    const headers = message.headers.map(([name, value]) => [
      name.replaceAll('\0', '\u2400'),
      value === null ? null : Buffer.from(sealer.seal(target, value) ?? []).toString('base64'),
    ]);
    return `${[
      text(relationOf(target)),
      text(target.uniqueId),
      text(topic),
      partition,
      message.offset,
      message.timestamp === null ? '\\N' : new Date(message.timestamp).toISOString(),
      bytes(sealer.seal(target, message.key)),
      bytes(sealer.seal(target, message.value)),
      text(JSON.stringify(headers)),
      sealed ? 't' : 'f',
      text(sealed ? withoutValues(error) : error),
      text(loadId),
    ].join('\t')}\n`;
  });
  await session.copyIn(
    `copy ${STATE_SCHEMA}.dead_letters (relation, target, topic, partition, "offset", kafka_ts, key, value, ` +
      'headers, sealed, error, load_id) from stdin',
    letters.map((letter) => Buffer.from(letter)),
  );
}
