// The interfaces of publishing: the source's rows, the target's plan, the outcome. Types only, so that the runner does
// not depend on a target's dialect. open-targets.ts opens the targets.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { PublicationNode } from '../contracts/publication.ts';
import type { PartitionKey } from '../settings/partition-key.ts';

/** A column of the published relation, with the type of its own database. */
export interface SourceColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
}

/** Values of a column that a target cannot hold, as a condition in the source's SQL. */
export interface ValueCheck {
  readonly column: string;
  readonly condition: string;
  /** What is wrong with such values. */
  readonly why: string;
}

/** A column at the target. */
export interface PlannedColumn {
  readonly name: string;
  /** Type at the target. */
  readonly type: string;
  readonly nullable: boolean;
  /** The value as the source's SQL, in the target's form. */
  readonly expression: string;
  readonly checks: readonly ValueCheck[];
}

/** The content of the source at one moment. */
export interface Summary {
  readonly rows: number;
  /** Changes whenever the rows or the relation change. The same rows have the same mark. */
  readonly mark: string;
  /** Values that checks have found, by the index of the check. */
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
  /** The partitions are all of the source, so rows need not be filtered. */
  readonly all?: boolean;
  /** Rows are ordered by partition, and begin with the texts of its keys, as a JSON list. */
  readonly grouped?: boolean;
}

/** The format of rows between source and target. */
export type RowFormat = 'text' | 'native';

/** A column as it is read from the source. */
export type ReadColumn = Pick<PlannedColumn, 'name' | 'expression'>;

/** What a target has received from a source. */
export interface Received {
  readonly summary: Summary;
  /** The partitions whose rows were sent; null: all rows. */
  readonly partitions: readonly Partition[] | null;
  /** Mark of the rows at the target; null: the source has counted the rows while sending them. */
  readonly mark: string | null;
}

/** The published relation, read in one session of its database. */
export interface PublishSource {
  /** Type of its adapter. */
  readonly dialect: string;
  /** Later reads see the relation in its current state, if the database supports that. */
  open(): Promise<void>;
  columns(): Promise<SourceColumn[]>;
  /** The time of the database's clock, ISO 8601. */
  now(): Promise<string>;
  /** @param columns columns that the mark covers */
  summary(checks: readonly ValueCheck[], columns: readonly ReadColumn[]): Promise<Summary>;
  /** @throws `runtime` error if the rows that were sent are not those of the summary and the partitions */
  confirm(received: Received): void;
  /** The partitions of the rows. @param columns columns that their marks cover */
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

/** One execution of a publication. */
export interface Publishing {
  readonly node: PublicationNode;
  readonly source: PublishSource;
  readonly runId: string;
  /** The time of the run, ISO 8601. */
  readonly time: string;
  /** Publishes even if the target already has this version. */
  readonly force: boolean;
  /** Opens a session of the target that appears in the log and is cancelled with the node. */
  readonly session: (adapter: Adapter) => Session;
}

/** The outcome of a publication. */
export interface Published {
  /** False: the target already had this version. */
  readonly changed: boolean;
  /** Rows at the target now. */
  readonly rows: number;
  /** Numbers of rows that were sent, and removed. */
  readonly sent: number;
  readonly removed: number;
}

/** The version at a target. */
export interface StandingCopy {
  readonly version: string;
  readonly runId: string;
  readonly rows: number;
  /** ISO 8601. */
  readonly publishedAt: string;
  /** How many of its files are missing or have another size; absent: its target does not count them. */
  readonly lostFiles?: number;
}

/** A file of a copy that belongs to no kept version. */
export interface Orphan {
  /** Its key in the store. */
  readonly file: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly modified: string;
}

export interface OrphanSearch {
  /** Files written after this, in milliseconds since 1970, may belong to a running publication. */
  readonly before: number;
  /** False: they are only listed. */
  readonly remove: boolean;
}

/** A target that stores copies. */
export interface Receiver {
  publish(publishing: Publishing): Promise<Published>;
  /** The current copy of a publication; null: none, or one of another owner. Changes nothing. */
  standing(node: PublicationNode): Promise<StandingCopy | null>;
  /** Orphaned files; none if another publication owns the table. Absent: each run removes them itself. */
  orphans?(node: PublicationNode, search: OrphanSearch): Promise<Orphan[]>;
}
