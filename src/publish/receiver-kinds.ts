// What kinds of receivers there are, by the `type` of a connection, and what each takes: modes and options of a
// publication. Data only; a receiver's own folder holds its work.
import type { PublicationConfig, PublishMode } from '../contracts/publication.ts';

/** Options that not every receiver has. */
export type OptionOfSome = Extract<
  keyof PublicationConfig,
  'key' | 'order_by' | 'indexes' | 'retention' | 'snapshots' | 'adopt'
>;

export interface ReceiverKind {
  /** The name as people write it. */
  readonly title: string;
  readonly place: 'table' | 'path';
  /** The option of the connection that says where tables without a schema are, and what it is by default. */
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
