// Settings of a server, a database or a role that change the conversion between values and text. Sessions that move
// rows set them in each transaction; models use the settings of the profile's user.

const VALUE_SETTINGS: Readonly<Record<string, string>> = {
  timezone: 'UTC',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '3',
  // `{NULL}` is an array with a null, not with the text NULL.
  array_nulls: 'on',
  // An xml value may be a fragment.
  xmloption: 'content',
  // The text of money.
  lc_monetary: 'C',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
};

/** One query that sets them. It takes a snapshot. @param more additional settings, or other values */
export function setConfigText(more: Readonly<Record<string, string>> = {}): string {
  const calls = Object.entries({ ...VALUE_SETTINGS, ...more }).map(
    ([name, value]) => `set_config('${name}', '${value}', true)`,
  );
  return `select ${calls.join(', ')}`;
}

/** Statements that set them without a snapshot, so that an isolation level can follow. */
export function setLocalText(more: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...VALUE_SETTINGS, ...more })
    .map(([name, value]) => `set local ${name} = '${value}'`)
    .join('; ');
}

/** The options of a new connection that set them, for sessions without transactions of their own. */
export function startupOptions(more: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...VALUE_SETTINGS, ...more })
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ');
}

/**
 * `SET LOCAL search_path` takes no snapshot, unlike `set_config`. @param path names separated by commas, as in the
 * setting
 */
export function setSearchPathText(path: string, quote: (name: string) => string): string {
  const names = [...path.matchAll(/"((?:[^"]|"")*)"|[^,\s"]+/g)].map(([whole, quoted]) =>
    quote(quoted === undefined ? whole.toLowerCase() : quoted.replaceAll('""', '"')),
  );
  return `SET LOCAL search_path TO ${names.length === 0 ? "''" : names.join(', ')}`;
}
