// Checks changes for `load check`: decodes the newest messages of each partition as a load would, and writes nothing.
// The rules are the decoder's, with and without a registry.
import type { BrokerClient, Message } from '../brokers/broker.ts';
import { Halt } from '../formats/row-change.ts';
import { type Decoder, isRecord, jsonRecord, PoisonMessage, utf8 } from '../formats/message-decoder.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { topicNames } from '../settings/target-topics.ts';

/** Number of messages checked per partition, from its end. */
const LOOKED_AT = 200n;
/** Types whose values may be so large that Postgres does not log them again if they are unchanged. */
const LARGE = /string|text|char|json|bytea|numeric|array|\[\]/i;

export interface Sampled {
  /** Why messages could not become rows, each with a count. */
  readonly problems: readonly string[];
  /** What no sampled message contained, although later ones may. */
  readonly notes: readonly string[];
}

/** @throws errors of broker and registry */
export async function sampleChanges(
  client: Pick<BrokerClient, 'ends' | 'read' | 'matching'>,
  decoder: Decoder,
  target: LoadTarget,
): Promise<Sampled> {
  const found = new Map<string, { count: number; readonly first: string }>();
  let looked = 0;
  let bare = false;
  for (const [place, { earliest, end }] of await client.ends(await topicNames(client, target))) {
    const from = end - LOOKED_AT > earliest ? end - LOOKED_AT : earliest;
    if (from >= end) continue;
    const at = {
      topic: place.slice(0, place.lastIndexOf('/')),
      partition: Number(place.slice(place.lastIndexOf('/') + 1)),
    };
    for (const { records } of (await client.read(at, from, end)).batches)
      for (const part of records)
        for (let i = 0; i < part.length; i++) {
          const message = part.message(i);
          looked++;
          bare ||= lacksBefore(message);
          const why = await refusal(decoder, message);
          if (why === null) continue;
          const known = found.get(why);
          if (known === undefined) found.set(why, { count: 1, first: `${place} offset ${message.offset}` });
          else known.count++;
        }
  }
  const problems = [...found].map(
    ([why, { count, first }]) => `${count} of the last ${looked} messages could not be loaded (first ${first}): ${why}`,
  );
  const large = target.columns.filter(({ name, type }) => LARGE.test(type) && !target.key.includes(name));
  const notes =
    bare && target.changes?.keeps !== true && large.length > 0
      ? [
          "the source's table has no REPLICA IDENTITY FULL: a change that leaves a large value as it is would be a " +
            `dead letter; ${large.map(({ name }) => `'${name}'`).join(', ')} may have such`,
        ]
      : [];
  return { problems, notes };
}

/** Why a message could not be loaded; null: it could. */
async function refusal(decoder: Decoder, message: Message): Promise<string | null> {
  try {
    await decoder.message?.(message);
    return null;
  } catch (error) {
    if (error instanceof PoisonMessage) return error.message;
    if (error instanceof Halt) return error.message;
    throw error;
  }
}

/** Whether it is an update in JSON without the previous row. */
function lacksBefore({ value }: Message): boolean {
  if (value === null || value[0] === 0) return false;
  try {
    const record = jsonRecord(utf8(value));
    const envelope = isRecord(record['payload']) ? record['payload'] : record;
    return envelope['op'] === 'u' && envelope['before'] === null;
  } catch (error) {
    if (error instanceof PoisonMessage) return false;
    throw error;
  }
}
