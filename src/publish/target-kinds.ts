// The kinds of targets, by the `type` of a connection, and the modes and options that each supports. Data only: the
// implementation is in each target's folder.
import type { PublicationConfig, PublishMode } from '../contracts/publication.ts';

/** Options that not every target supports. */
export type OptionOfSome = Extract<
  keyof PublicationConfig,
  'key' | 'order_by' | 'indexes' | 'retention' | 'snapshots' | 'adopt'
>;

export interface ReceiverKind {
  /** The name for messages. */
  readonly title: string;
  readonly place: 'table' | 'path';
  /** The connection option with the schema for tables without one, and its default. */
  readonly schema: readonly [option: string, fallback: string] | null;
  readonly modes: readonly PublishMode[];
  readonly options: readonly OptionOfSome[];
}

/** By the `type` of the connection. */
export const RECEIVER_KINDS: ReadonlyMap<string, ReceiverKind> = new Map<string, ReceiverKind>([
  [
    'postgres',
    {
      title: 'Postgres',
      place: 'table',
      schema: ['schema', 'public'],
      modes: ['replace', 'upsert', 'partitions'],
      options: ['key', 'indexes', 'retention', 'adopt'],
    },
  ],
  [
    'clickhouse',
    {
      title: 'ClickHouse',
      place: 'table',
      schema: ['schema', 'default'],
      modes: ['replace', 'upsert', 'partitions'],
      options: ['key', 'order_by', 'retention', 'adopt'],
    },
  ],
  [
    's3',
    {
      title: 'an object store',
      place: 'path',
      schema: null,
      modes: ['replace', 'partitions'],
      options: ['retention', 'adopt'],
    },
  ],
  [
    'iceberg',
    {
      title: 'Iceberg',
      place: 'table',
      schema: ['namespace', 'default'],
      modes: ['replace', 'append', 'partitions'],
      options: ['retention', 'snapshots', 'adopt'],
    },
  ],
]);
