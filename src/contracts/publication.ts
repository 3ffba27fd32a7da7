// Types of publications: copies of models, snapshots and seeds that are kept elsewhere. dbt has no such nodes. No code.
import type { DependsOn, Json } from './node.ts';

/** How a publication changes what stands at the receiver. */
export type PublishMode = 'replace' | 'upsert' | 'partitions' | 'append';

/** An index at the receiver. */
export interface PublishedIndex {
  readonly columns: readonly string[];
  readonly unique: boolean;
}

/** How long the versions of a table that keeps them stay; null: as the table says. */
export interface KeptSnapshots {
  /** So many stay, however old they are; the current one counts. */
  readonly keep: number | null;
  /** Since they were replaced: `5 days`. */
  readonly older_than: string | null;
}

/** `meta.tsdbt.publish`, checked and complete. */
export interface PublicationConfig {
  readonly enabled: boolean;
  /** A connection of connections.yml. */
  readonly to: string;
  /** `name` or `schema.name`; null: `path` says where. */
  readonly table: string | null;
  readonly path: string | null;
  readonly mode: PublishMode;
  readonly key: readonly string[];
  readonly order_by: readonly string[];
  /** Columns, or `hour`, `day`, `month`, `year` of one: `day(created_at)`. */
  readonly partition_by: readonly string[];
  readonly indexes: readonly PublishedIndex[];
  /** Null: all. */
  readonly columns: readonly string[] | null;
  /** `green`: after the tests of the node; `built`: right after it. */
  readonly when: 'green' | 'built';
  /** Partitions older than this are dropped: `90 days`; null: none. */
  readonly retention: string | null;
  /** Null: the receiver's own, where it keeps versions. */
  readonly snapshots: KeptSnapshots | null;
  /** Takes over a table that somebody else has made. */
  readonly adopt: boolean;
}

/** A copy of a model, snapshot or seed that is kept elsewhere: a member of `manifest.publications`. */
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
  /** The node that is published, alone. */
  readonly depends_on: DependsOn;
  readonly config: PublicationConfig;
  readonly created_at: number;
}
