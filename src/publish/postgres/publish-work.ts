// A publication into Postgres in progress: its target, its content, and the result of a mode. Types only.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import type { Partition, PlannedColumn, Publishing } from '../publication-target.ts';
import type { Ended } from '../retention.ts';

export interface PublishWork {
  readonly adapter: Adapter;
  /** In the publication's transaction. */
  readonly session: Session;
  readonly publishing: Publishing;
  readonly schema: string;
  readonly table: string;
  /** The table's name as SQL. */
  readonly name: string;
  readonly plan: readonly PlannedColumn[];
  /** What has expired; null: nothing. */
  readonly ended: Ended | null;
}

/** The result of a mode. */
export interface Changed {
  /** Rows in the table now. */
  readonly rows: number;
  readonly sent: number;
  readonly removed: number;
  /** The partitions whose rows were sent; null: all rows. */
  readonly partitions: readonly Partition[] | null;
  /** Marks of the partitions. */
  readonly parts: Readonly<Record<string, string>>;
}
