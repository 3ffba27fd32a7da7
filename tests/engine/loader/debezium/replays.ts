// How recorded changes come to a loader: in partitions by their keys, over borders of flushes and kills that a seed
// gives.
import type { FaultPoint } from '../../../../src/loader/sink.ts';
import type { MemoryBroker } from '../memory-broker.ts';
import type { Recorded } from './envelopes.ts';

/** What a sink throws at its fault point. */
export class Killed extends Error {}

/** How often each load is killed. */
export const KILLS = 3;

/** Puts messages into partitions of the topic `t` by their key; those without a key go anywhere. */
export function produce(
  broker: MemoryBroker,
  messages: readonly Recorded[],
  partitions: number,
  random: () => number,
): void {
  for (const { key, value } of messages) {
    const at = key === null ? Math.floor(random() * partitions) : hash(key) % partitions;
    broker.produce('t', at, null, { key, raw: value === null ? null : Buffer.from(value) });
  }
}

/** Runs loaders that are killed. @param run one of them, with what its sink calls at each fault point */
export async function killedOften(
  random: () => number,
  run: (reached: (point: FaultPoint) => void) => Promise<unknown>,
): Promise<void> {
  const points: FaultPoint[] = ['before_copy', 'before_merge', 'before_commit', 'after_commit'];
  for (let kills = 0; kills < KILLS; kills++) {
    const point = points[Math.floor(random() * points.length)];
    let left = 1 + Math.floor(random() * 4);
    await run((reached) => {
      if (reached === point && --left === 0) throw new Killed();
    }).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
  }
}

/** Random numbers from 0 to 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function hash(text: string): number {
  let found = 0;
  for (const character of text) found = (found * 31 + character.charCodeAt(0)) >>> 0;
  return found;
}
