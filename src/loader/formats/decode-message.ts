// Decodes one message for the slow path: its value, or a tombstone's key, after preparing the key's decoder.
import type { Message } from '../brokers/broker.ts';
import type { Decoded, Decoder } from './message-decoder.ts';
import type { RowPlan } from './rows/row-encoder.ts';

/**
 * The record of a message. A tombstone's contains its key columns by name, except those that do not come from the
 * value.
 * @throws PoisonMessage, Halt
 */
export function decodeMessage(decoder: Decoder, plan: RowPlan, message: Message): Decoded | Promise<Decoded> {
  const { key, value } = message;
  const decode = (): Decoded | Promise<Decoded> => {
    if (decoder.message !== undefined) return decoder.message(message, plan.taken.children);
    if (value !== null) return decoder.decode(value);
    return plan.keyInParts ? {} : decoder.decodeKey(key, plan.keyFields);
  };
  const ready = plan.readsKey && key !== null ? (decoder.keys?.prepare(key) ?? null) : null;
  return ready === null ? decode() : ready.then(decode);
}
