// Watches how much of the source's log a replication slot keeps, also while its tables are paused or have stopped, and
// drops the slot if their settings say so.
import type { BrokerClient, SlotLag } from './brokers/broker.ts';
import type { LoadEvent } from './events.ts';
import type { LoadTarget } from './settings/load-target.ts';

/** Interval of looks at the slot. */
const EVERY_MS = 5000;
const MIB = 1024 * 1024;

export interface WatchOptions {
  /** The tables that share the slot: each one has its metrics, and the first one's name is reported. */
  readonly sharing: readonly LoadTarget[];
  readonly client: Pick<BrokerClient, 'slot' | 'dropSlot' | 'close'>;
  readonly signal: AbortSignal;
  readonly notify: (event: LoadEvent) => void;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Reports the slot at intervals until the signal is aborted. A slot beyond its limit is dropped at a later look, and
 * only if it keeps no less than at the last one: a loader that catches up keeps its slot.
 */
export async function watchSlot({ sharing, client, signal, notify, pause }: WatchOptions): Promise<void> {
  let before: SlotLag | null = null;
  const report = (lag: SlotLag, news: 'over' | 'dropped' | 'back' | null): void => {
    for (const [i, target] of sharing.entries()) notify({ kind: 'slot', target, lag, news: i === 0 ? news : null });
  };
  try {
    for (; !signal.aborted; await pause(EVERY_MS)) {
      try {
        const lag: SlotLag | null = (await client.slot?.()) ?? null;
        if (lag === null) continue;
        const [was, is] = [before !== null && isOver(before), isOver(lag)];
        const grows = before !== null && lag.retained >= before.retained;
        before = lag;
        if (was && is && grows && (await client.dropSlot?.()) === true) {
          before = null;
          report({ ...lag, retained: 0 }, 'dropped');
        } else report(lag, was === is ? null : is ? 'over' : 'back');
      } catch {
        // The loader reports what prevents it from reaching the source.
      }
    }
  } finally {
    await client.close();
  }
}

/** Whether the slot keeps more than it may. */
export function isOver({ retained, limit }: SlotLag): boolean {
  return limit !== null && retained > limit;
}

/** What the slot keeps, as a part of a sentence. */
export function keptText({ slot, retained, limit, heldBy }: SlotLag): string {
  const most = limit === null ? '' : `, ${retained > limit ? 'more than' : 'of at most'} ${mebibytes(limit)}`;
  const held = heldBy === null ? '' : `, from the position of ${heldBy} on`;
  return `slot '${slot}' keeps ${mebibytes(retained)} of the source's log${most}${held}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`;
}
