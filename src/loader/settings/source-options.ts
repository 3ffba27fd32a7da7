// Finds the settings of a source's table or a column under `meta: tsdbt: load:`, and reports what is wrong with them.
import type { Json, SourceDefinition } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { writtenLoad } from '../../project/load-config.ts';
import { type Dictionary, type Keys, Place } from '../../settings/setting.ts';
import { isDictionary } from '../../values/is-dictionary.ts';

/** Throws the error of a load config. */
export type Refuse = (message: string, hint?: string) => never;

/** The load config of a source's table. */
export interface SourceOptions {
  /** `raw.users`, for display. */
  readonly name: string;
  /** The table's own options; undefined: none. */
  readonly own: Dictionary | undefined;
  /** Those of its source, overridden by its own. */
  readonly options: Dictionary;
  readonly refuse: Refuse;
  /** Where the options are. @param column whose options they are */
  place(column?: string): Place;
}

/** @throws `validation` error with file and source if `load` is not a dictionary */
export function sourceOptions(source: SourceDefinition): SourceOptions {
  const name = `${source.source_name}.${source.name}`;
  const fail = (message: string, hint: string | undefined, keys: Keys, column?: string): never => {
    throw new TsdbtError('validation', `Invalid load config of source ${name}: ${message}`, {
      path: source.original_file_path,
      hint,
      setting: { keys, column },
    });
  };
  const place = (column?: string): Place =>
    new Place(
      { refuse: ({ message, hint, keys }) => fail(message, hint, keys, column) },
      column === undefined ? '' : `column '${column}'`,
      ['load'],
    );
  const refuse: Refuse = (message, hint) => fail(message, hint, ['load']);
  const own = writtenOptions([source.meta, source.config['meta']], place());
  return { name, own, options: { ...writtenOptions([source.source_meta], place()), ...own }, refuse, place };
}

/** Returns the first options that are set; undefined: none. Null and false count as not set. */
export function writtenOptions(metas: readonly unknown[], place: Place): Dictionary | undefined {
  const load: Json | undefined = metas.map(writtenLoad).find((each) => each != null && each !== false);
  if (load === undefined || isDictionary(load)) return load;
  return place.wrong('a dictionary', load, 'Example: load: {topic: events}; false: nothing loads the table.');
}
