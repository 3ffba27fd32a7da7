// Decodes one message for the slow way: its value, or of a tombstone its key, and what reading its key needs before.
import type { Message } from './broker.ts';
import type { Decoded, Decoder } from './decode.ts';
import type { RowPlan } from './row-encoder.ts';

/**
 * The record of a message; a tombstone's has its key columns by name, but those that come from beside the value.
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
