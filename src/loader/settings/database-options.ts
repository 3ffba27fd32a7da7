// The part of a load config about the table itself. Each database has its own options, which its folder checks;
// create-sink.ts maps databases to them.
import type { LoadSettings, TABLE_FIELDS } from '../../settings/load-settings.ts';
import type { Place } from '../../settings/setting.ts';
import type { LoadTarget } from './load-target.ts';
import type { Refuse } from './source-options.ts';

/** The validated options of a table. */
export type TableShape = Pick<LoadTarget, 'partitionBy' | 'retentionDays' | 'storage'>;

/** The rest of the load config, for checks. */
export interface TableContext extends Pick<LoadTarget, 'columns' | 'mode' | 'key'> {
  readonly place: Place;
  readonly refuse: Refuse;
}

/** The options of one database's tables. */
export interface TableOptions {
  /** The database's display name. */
  readonly database: keyof typeof TABLE_FIELDS;
  /** Limits of a flush if the config sets none. */
  readonly flush: { readonly rows: number; readonly bytes: number; readonly age: number };
  /** @throws the error of a load config */
  read(load: LoadSettings, context: TableContext): TableShape;
  /** Whether a column of this declared type stores a hash, a text of this many characters, unchanged. */
  holdsHash(type: string, length: number): boolean;
  /** The type of a text in this database, for display. */
  readonly text: string;
}

/** The limits of a flush, completed by defaults. */
export function flushLimits(flush: LoadSettings['flush'], defaults: TableOptions['flush']): LoadTarget['flush'] {
  const { rows, bytes, age } = defaults;
  return { rows: flush?.rows ?? rows, bytes: flush?.bytes ?? bytes, ageMs: flush?.age ?? age };
}
