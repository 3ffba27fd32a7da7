// A publication into Postgres at work: where it goes, what goes there, and what a mode has done. Types only.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import type { Partition, PlannedColumn, Publishing } from '../receiver.ts';
import type { Ended } from '../retention.ts';

export interface PublishWork {
  readonly adapter: Adapter;
  /** In the transaction of the publication. */
  readonly session: Session;
  readonly publishing: Publishing;
  readonly schema: string;
  readonly table: string;
  /** The table's name as SQL. */
  readonly name: string;
  readonly plan: readonly PlannedColumn[];
  /** What retention ends; null: nothing. */
  readonly ended: Ended | null;
}

/** What a mode did. */
export interface Changed {
  /** Rows that stand there now. */
  readonly rows: number;
  readonly sent: number;
  readonly removed: number;
  /** The partitions whose rows were sent; null: all rows. */
  readonly partitions: readonly Partition[] | null;
  /** Marks of the partitions. */
  readonly parts: Readonly<Record<string, string>>;
}
