// The part of a load config about the table itself. Each database has its own options, which its folder checks;
// create-sink.ts maps databases to them.
import type { LoadTarget } from './load-target.ts';
import type { OptionReader, Options, Refuse } from './option-reader.ts';

/** The options of tables that each database has. */
export const TABLE_OPTIONS = {
  Postgres: ['partition_by', 'retention'],
  ClickHouse: ['order_by', 'partition_by', 'primary_key', 'ttl', 'engine', 'settings'],
} as const;

/** The validated options of a table. */
export type TableShape = Pick<LoadTarget, 'partitionBy' | 'retentionDays' | 'storage'>;

/** The rest of the load config, for checks. */
export interface TableContext extends Pick<LoadTarget, 'columns' | 'mode' | 'key'> {
  readonly reader: OptionReader;
  readonly refuse: Refuse;
}

/** The options of one database's tables. */
export interface TableOptions {
  /** The database's display name. */
  readonly database: keyof typeof TABLE_OPTIONS;
  /** Limits of a flush if the config sets none. */
  readonly flush: LoadTarget['flush'];
  /** @throws the error of a load config */
  read(options: Options, context: TableContext): TableShape;
  /** Whether a column of this declared type stores a hash, a text of this many characters, unchanged. */
  holdsHash(type: string, length: number): boolean;
  /** The type of a text in this database, for display. */
  readonly text: string;
}
