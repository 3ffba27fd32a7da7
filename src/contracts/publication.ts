// Types of publications: copies of models, snapshots and seeds in another place. dbt has no such nodes. No code.
import type { DependsOn, Json } from './node.ts';

/** How a publication changes what the target contains. */
export type PublishMode = 'replace' | 'upsert' | 'partitions' | 'append';

/** An index at the target. */
export interface PublishedIndex {
  readonly columns: readonly string[];
  readonly unique: boolean;
}

/** How long a target with versioned tables keeps versions; null: the table's own setting. */
export interface KeptSnapshots {
  /** The number of versions to keep regardless of age, including the current one. */
  readonly keep: number | null;
  /** Age since the version was replaced: `5 days`. */
  readonly older_than: string | null;
}

/** `meta.tsdbt.publish`, checked and complete. */
export interface PublicationConfig {
  readonly enabled: boolean;
  /** A connection of connections.yml. */
  readonly to: string;
  /** `name` or `schema.name`; null: `path` is set instead. */
  readonly table: string | null;
  readonly path: string | null;
  readonly mode: PublishMode;
  readonly key: readonly string[];
  readonly order_by: readonly string[];
  /** Columns, or `hour`, `day`, `month`, `year` of a column: `day(created_at)`. */
  readonly partition_by: readonly string[];
  readonly indexes: readonly PublishedIndex[];
  /** Null: all. */
  readonly columns: readonly string[] | null;
  /** `green`: after the tests of the node; `built`: right after it. */
  readonly when: 'green' | 'built';
  /** Partitions older than this are dropped: `90 days`; null: none. */
  readonly retention: string | null;
  /** Null: the default of a target that keeps versions. */
  readonly snapshots: KeptSnapshots | null;
  /** Takes over a table that tsdbt did not create. */
  readonly adopt: boolean;
}

/** A copy of a model, snapshot or seed in another place: a member of `manifest.publications`. */
export interface PublicationNode {
  readonly name: string;
  readonly resource_type: 'publication';
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly fqn: readonly string[];
  readonly description: string;
  readonly tags: readonly string[];
  readonly meta: { readonly [key: string]: Json };
  /** Contains only the published node. */
  readonly depends_on: DependsOn;
  readonly config: PublicationConfig;
  readonly created_at: number;
}
