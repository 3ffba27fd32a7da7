// What publishes a relation elsewhere, and what it is told: the source's rows, the receiver's plan, the outcome.
// Types only, so that the runner knows no receiver's dialect; receivers.ts opens them.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { PublicationNode } from '../contracts/publication.ts';
import type { PartitionKey } from './partition-key.ts';

/** A column of the relation that is published, in the words of its own database. */
export interface SourceColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
}

/** Values of a column that a receiver cannot hold, as a condition in the source's SQL. */
export interface ValueCheck {
  readonly column: string;
  readonly condition: string;
  /** What is wrong with such values. */
  readonly why: string;
}

/** A column as the receiver has it. */
export interface PlannedColumn {
  readonly name: string;
  /** Of the receiver. */
  readonly type: string;
  readonly nullable: boolean;
  /** The value in the source's SQL, in the receiver's form. */
  readonly expression: string;
  readonly checks: readonly ValueCheck[];
}

/** What stands in the source at one moment. */
export interface Summary {
  readonly rows: number;
  /** Changes whenever the rows or the relation change; the same rows give the same mark. */
  readonly mark: string;
  /** Values that checks have found, by the place of the check. */
  readonly found: readonly { readonly check: ValueCheck; readonly count: number; readonly example: string }[];
}

/** A partition, by the texts of its keys: `2026-11`, `2026-11-23`, `2026-11-23 07`, or the value. */
export interface Partition {
  readonly values: readonly (string | null)[];
  /** Changes whenever its rows change. */
  readonly mark: string;
  readonly rows: number;
}

export interface PartitionChoice {
  readonly parts: readonly PartitionKey[];
  readonly partitions: readonly Pick<Partition, 'values'>[];
  /** They are all that the source has: no row need be asked for its own. */
  readonly all?: boolean;
  /** Rows come partition by partition, and begin with the texts of its keys, as a list in JSON. */
  readonly grouped?: boolean;
}

/** How rows are written between source and receiver. */
export type RowFormat = 'text' | 'native';

/** A column as it is read from the source. */
export type ReadColumn = Pick<PlannedColumn, 'name' | 'expression'>;

/** What a receiver has got of a source. */
export interface Received {
  readonly summary: Summary;
  /** The partitions whose rows were sent; null: all rows. */
  readonly partitions: readonly Partition[] | null;
  /** Mark of the rows at the receiver; null: the source has counted the rows while it sent them. */
  readonly mark: string | null;
}

/** The relation that is published, read in one session of its database. */
export interface PublishSource {
  /** Type of its adapter. */
  readonly dialect: string;
  /** Later reads see the relation as it is now, where the database can. */
  open(): Promise<void>;
  columns(): Promise<SourceColumn[]>;
  /** The time of the database's clock, ISO 8601. */
  now(): Promise<string>;
  /** @param columns what the mark covers */
  summary(checks: readonly ValueCheck[], columns: readonly ReadColumn[]): Promise<Summary>;
  /** @throws `runtime` error when the rows that were sent are not those of the summary and the partitions */
  confirm(received: Received): void;
  /** The partitions that the rows are in. @param columns what their marks cover */
  partitions(parts: readonly PartitionKey[], columns: readonly ReadColumn[]): Promise<Partition[]>;
  /** @param only rows of these partitions; null: all rows */
  rows<T>(
    columns: readonly ReadColumn[],
    format: RowFormat,
    only: PartitionChoice | null,
    take: (rows: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T>;
  quote(name: string): string;
}

/** One publication, now. */
export interface Publishing {
  readonly node: PublicationNode;
  readonly source: PublishSource;
  readonly runId: string;
  /** The time of the run, ISO 8601. */
  readonly time: string;
  /** Publishes even when what stands there is this version. */
  readonly force: boolean;
  /** Opens a session of the receiver that shows in the log and is cancelled with the node. */
  readonly session: (adapter: Adapter) => Session;
}

/** What became of a publication. */
export interface Published {
  /** False: what stands there was this version already. */
  readonly changed: boolean;
  /** Rows that stand there now. */
  readonly rows: number;
  /** Rows that were sent, and removed. */
  readonly sent: number;
  readonly removed: number;
}

/** The version that stands at a receiver. */
export interface StandingCopy {
  readonly version: string;
  readonly runId: string;
  readonly rows: number;
  /** ISO 8601. */
  readonly publishedAt: string;
}

/** A file of a copy that no version which is kept has. */
export interface Orphan {
  /** Its key in the store. */
  readonly file: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly modified: string;
}

export interface OrphanSearch {
  /** Files written later than this, in milliseconds since 1970, may be those of a publication at work. */
  readonly before: number;
  /** False: they are only found. */
  readonly remove: boolean;
}

/** A place that copies are kept in. */
export interface Receiver {
  publish(publishing: Publishing): Promise<Published>;
  /** What stands there of a publication; null: nothing, or what somebody else has made. Changes nothing. */
  standing(node: PublicationNode): Promise<StandingCopy | null>;
  /** Files that are left; none where another publication has the table. Absent: each run removes them by itself. */
  orphans?(node: PublicationNode, search: OrphanSearch): Promise<Orphan[]>;
}
