// The part of a load config that says how the table is made. Each database has options of its own, which its folder
// checks; create-sink.ts knows which database goes with which.
import type { LoadTarget } from './load-target.ts';
import type { OptionReader, Options, Refuse } from './option-reader.ts';

/** The options of tables that each database has. */
export const TABLE_OPTIONS = {
  Postgres: ['partition_by', 'retention'],
  ClickHouse: ['order_by', 'partition_by', 'primary_key', 'ttl', 'engine', 'settings'],
} as const;

/** What the options of a table become. */
export type TableShape = Pick<LoadTarget, 'partitionBy' | 'retentionDays' | 'storage'>;

/** What the rest of the load config says, for checks. */
export interface TableContext extends Pick<LoadTarget, 'columns' | 'mode' | 'key'> {
  readonly reader: OptionReader;
  readonly refuse: Refuse;
}

/** The options of one database's tables. */
export interface TableOptions {
  /** The database, for people. */
  readonly database: keyof typeof TABLE_OPTIONS;
  /** Limits of a flush where the config names none. */
  readonly flush: LoadTarget['flush'];
  /** @throws the error of a load config */
  read(options: Options, context: TableContext): TableShape;
  /** Does a column of this declared type take a hash, a text of so many characters, as it is? */
  holdsHash(type: string, length: number): boolean;
  /** The type of a text in this database, for people. */
  readonly text: string;
}
