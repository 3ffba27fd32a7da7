// The events of a loader. Types only.
import type { SlotLag, TopicPartition } from './brokers/broker.ts';
import type { LoadColumn, LoadTarget } from './settings/load-target.ts';
import type { DeadLetter } from './sink.ts';

/** An event of a load, for progress lines, metrics and tests. */
export type LoadEvent =
  | {
      readonly kind: 'assigned' | 'revoked';
      readonly target: LoadTarget;
      readonly partitions: readonly TopicPartition[];
    }
  | {
      readonly kind: 'flushed';
      readonly target: LoadTarget;
      readonly rows: number;
      readonly bytes: number;
      readonly dead: readonly DeadLetter[];
      readonly ms: number;
      readonly lag: bigint;
      readonly newest: number | null;
      /** Timestamp of the first message that became visible; null: unknown. */
      readonly oldest: number | null;
    }
  | { readonly kind: 'waiting'; readonly target: LoadTarget; readonly message: string; readonly seconds: number }
  /** A wait has ended; or the table accepts rows more slowly than they arrive, and reading pauses. */
  | { readonly kind: 'resumed' | 'paused' | 'flushing'; readonly target: LoadTarget }
  | { readonly kind: 'polled'; readonly target: LoadTarget; readonly lag: ReadonlyMap<string, PartitionLag> }
  | {
      readonly kind: 'stopped';
      readonly target: LoadTarget;
      readonly partition: TopicPartition | null;
      readonly message: string;
    }
  /** The whole table failed and is retried after this many seconds; null: it is not. */
  | { readonly kind: 'failed'; readonly target: LoadTarget; readonly message: string; readonly seconds: number | null }
  /** The table was paused or resumed. */
  | { readonly kind: 'table_paused'; readonly target: LoadTarget; readonly since: string }
  | { readonly kind: 'table_resumed'; readonly target: LoadTarget }
  /** Its position was set by `load rewind`. */
  | { readonly kind: 'moved'; readonly target: LoadTarget; readonly partitions: readonly TopicPartition[] }
  /** Partitions of the table, or a number of rows, beyond their retention. */
  | { readonly kind: 'dropped'; readonly target: LoadTarget; readonly names: readonly string[] }
  | { readonly kind: 'fenced'; readonly target: LoadTarget; readonly partitions: readonly TopicPartition[] }
  /** The table's replication slot, at intervals. `news`: it exceeds its limit, was dropped, or is within it again. */
  | {
      readonly kind: 'slot';
      readonly target: LoadTarget;
      readonly lag: SlotLag;
      readonly news: 'over' | 'dropped' | 'back' | null;
    }
  | { readonly kind: 'column'; readonly target: LoadTarget; readonly columns: readonly LoadColumn[] };

/** The lag of the table in one partition. */
export interface PartitionLag {
  readonly rows: bigint;
  /**
   * Timestamp of the first message that is not loaded, in milliseconds since 1970. Until it is read, that of the newest
   * loaded one, which is older. Null: neither is known.
   */
  readonly oldest: number | null;
}
