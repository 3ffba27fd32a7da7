// Finds the settings of a source's table or a column under `meta: tsdbt: load:`. Callers validate them.
import type { SourceDefinition } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { writtenLoad } from '../../project/load-config.ts';
import { isDictionary } from '../../values/is-dictionary.ts';
import type { Options, Refuse } from './option-reader.ts';

/** The options of a load config that names a table of another database. */
export const SYNC_OPTIONS = [
  'connection',
  'table',
  'strategy',
  'cursor',
  'lookback',
  'key',
  'columns',
  'hash',
  'drop',
  'adopt',
  'every',
];

/** The load config of a source's table. */
export interface SourceOptions {
  /** `raw.users`, for display. */
  readonly name: string;
  /** The table's own options; undefined: none. */
  readonly own: Options | undefined;
  /** Those of its source, overridden by its own. */
  readonly options: Options;
  readonly refuse: Refuse;
}

/** @throws `validation` error with file and source if `load` is not a dictionary */
export function sourceOptions(source: SourceDefinition): SourceOptions {
  const name = `${source.source_name}.${source.name}`;
  const refuse = (message: string, hint?: string): never => {
    throw new TsdbtError('validation', `Invalid load config of source ${name}: ${message}`, {
      path: source.original_file_path,
      hint,
    });
  };
  const hint = 'load: { topic: events } is one; false: nothing loads the table.';
  const own = writtenOptions([source.meta, source.config['meta']], refuse, hint);
  return { name, own, options: { ...writtenOptions([source.source_meta], refuse, hint), ...own }, refuse };
}

/** Returns the first options that are set; undefined: none. Null and false count as not set. */
export function writtenOptions(metas: readonly unknown[], refuse: Refuse, hint: string): Options | undefined {
  const load = metas.map(writtenLoad).find((each) => each !== undefined && each !== null && each !== false);
  if (load === undefined || isDictionary(load)) return load;
  return refuse(`'load' must be a dictionary, found ${JSON.stringify(load)}`, hint);
}
