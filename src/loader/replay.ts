// Dead letters once more through decoder and sink: those that fit now become rows, the others stay dead letters with today's reason.
import type { Adapter } from '../adapters/adapter.ts';
import { readLetters } from './dead-letters.ts';
import { type Decoder, PoisonMessage } from './decode.ts';
import type { LoadTarget } from './load-target.ts';
import { type EncodedRow, RowEncoder } from './row-encoder.ts';
import type { Sealer } from './seal.ts';
import type { DeadLetter, Sink } from './sink.ts';

export interface ReplayOptions {
  readonly adapter: Adapter;
  readonly sink: Sink;
  readonly sealer: Sealer;
  readonly decoder: Decoder;
  readonly target: LoadTarget;
  readonly hashKey: string | null;
  readonly loadId: string;
  readonly now: () => number;
}

const AT_ONCE = 5000;

/** @returns how many became rows and how many did not */
export async function replayLetters({ adapter, sink, sealer, decoder, target, hashKey, loadId, now }: ReplayOptions): Promise<{ rows: number; dead: number }> {
  const columns = await sink.prepare(target);
  const encoder = new RowEncoder(target, { columns, hashKey });
  const total = { rows: 0, dead: 0 };
  for (let after = '0'; ;) {
    const session = adapter.session({ name: `load ${target.name}` });
    const letters = await readLetters(session, target, sealer, after, AT_ONCE).finally(() => session.release());
    if (letters.length === 0) return total;
    after = letters.at(-1)!.id;
    const loadedAt = new Date(now()).toISOString();
    const rows: EncodedRow[] = [];
    const dead: DeadLetter[] = [];
    for (const { message, topic, partition } of letters) {
      try {
        const record = message.value === null ? decoder.decodeKey(message.key, target.key) : await decoder.decode(message.value);
        rows.push(encoder.encode(message, record, topic, partition, loadedAt));
      } catch (error) {
        if (!(error instanceof PoisonMessage)) throw error;
        dead.push({ message, topic, partition, error: error.message });
      }
    }
    const flushed = await sink.flush({ target, columns, ranges: [], rows, dead, loadId, replayed: letters.map(({ id }) => id) });
    total.rows += flushed.rows;
    total.dead += flushed.dead.length;
    // Those that failed again have a new letter behind the last one: they are not tried twice in one go.
    if (letters.length < AT_ONCE) return total;
  }
}
