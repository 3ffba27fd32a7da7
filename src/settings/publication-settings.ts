// The settings of `publish:`: one publication of a node or a list of them. publish/check-targets.ts checks them against
// the connections and the capabilities of their databases.
import type { PublicationConfig } from '../contracts/publication.ts';
import { choice, duration, either, flag, list, literal, matching, text, whole } from './kinds.ts';
import { readPartitionKey } from './partition-key.ts';
import { exclusive, oneOf, onlyWith, optional, record, required, withDefault } from './record-settings.ts';
import { mapped, type Place, type Setting, shown } from './setting.ts';

const columns: Setting<readonly string[]> = list(text, { of: 'columns' });
/** Postgres truncates names that are longer than 63 characters. */
const TABLE = matching(/^[^."`\0]{1,63}(\.[^."`\0]{1,63})?$/, 'name or schema.name');
const PATH = mapped(
  matching(
    /^(?!\.{1,2}(\/|$))[^/=\0-\x1f]+(\/(?!\.{1,2}(\/|$))[^/=\0-\x1f]+)*\/?$/,
    'a path below the bucket, without =',
    'text',
    "Example: marts/sessions. Folders with '=' are those of 'partition_by'.",
  ),
  (path) => path.replace(/\/$/, ''),
);
const INDEX = record({ columns: required(columns, ''), unique: withDefault(flag, false, '') }, { short: 'columns' });
/** A duration as the manifest contains it. */
const AGE: Setting<string> = {
  ...duration(),
  read: (value, place) => {
    duration().read(value, place);
    return String(value);
  },
};
const PARTS: Setting<readonly string[]> = mapped(columns, (parts, place) => {
  const wrong = parts.find((part) => readPartitionKey(part) === null);
  if (wrong === undefined) return parts;
  const expects = 'columns, or hour, day, month or year of one';
  return place.wrong(expects, wrong, 'Example: [day(created_at), country].');
});

export const PUBLICATION = record(
  {
    to: required(text, 'connection in `connections.yml`: a database, object store or Iceberg catalog'),
    table: optional(TABLE, "`name` or `schema.name`; the default schema is the connection's `schema`, then `public`"),
    path: optional(PATH, 'for object stores, instead of `table`: folder of the copy; no `=`'),
    format: optional(choice('parquet'), 'file format for `path`', '`parquet`'),
    mode: withDefault(
      choice('replace', 'upsert', 'partitions', 'append'),
      'replace',
      'how the copy is updated: [Modes](#modes)',
    ),
    key: withDefault(
      columns,
      [],
      'for databases: unique, not null, primary key of the copy; required by `upsert`',
      'none',
    ),
    order_by: withDefault(columns, [], 'ClickHouse: sorting key, not null', '`key`'),
    partition_by: withDefault(
      PARTS,
      [],
      'columns, or `hour`, `day`, `month`, `year` of a column, as `day(created_at)`; required by `partitions`; times ' +
        'are in UTC',
      'none',
    ),
    indexes: withDefault(
      list(INDEX, { of: 'columns, or lists of columns, or {columns, unique}' }),
      [],
      'created before readers see the copy',
      'none',
    ),
    columns: optional(columns, 'columns to publish, in this order', 'all'),
    when: withDefault(
      choice('green', 'built'),
      'green',
      'after the tests, with exactly the tested rows; or directly after the node',
    ),
    retention: optional(
      AGE,
      'for `partitions`: drops older partitions, by the earlier of the clocks of the source database and of tsdbt',
    ),
    snapshots: optional(
      record({ keep: optional(whole(1), ''), older_than: optional(AGE, '') }),
      'Iceberg: [older snapshots to keep](publish-lake.md#expire-snapshots-and-remove-orphaned-files)',
      "the table's properties",
    ),
    adopt: withDefault(flag, false, 'takes over an existing table that tsdbt has not created'),
  },
  {
    example: 'Example: publish: {to: lookup, table: serving.sessions}.',
    rules: [exclusive('table', 'path'), oneOf(['table', 'path']), onlyWith(['format'], ['path'])],
    check: (config, place) => {
      const { mode, key, partition_by: parts, order_by: order, indexes, columns: published } = config;
      if (mode === 'upsert' && key.length === 0) needs(place, mode, 'key');
      if (mode === 'partitions' && parts.length === 0) needs(place, mode, 'partition_by');
      if (config.retention !== null && mode !== 'partitions')
        place.at('retention').must(`needs mode: partitions, found ${shown(mode)}`, 'Other modes copy all rows.');
      const named = [...key, ...order, ...parts.map((part) => readPartitionKey(part)?.column ?? part)];
      const missing = [...named, ...indexes.flatMap((index) => index.columns)].find(
        (name) => published?.includes(name) === false,
      );
      if (missing !== undefined)
        place.at('columns').must(`lacks '${missing}', which another key names`, `Columns: ${published?.join(', ')}.`);
    },
  },
);

function needs(place: Place, mode: string, key: string): never {
  return place.must(`needs '${key}' with mode: ${mode}`);
}

/** A publication, a list of publications, or false. */
export const PUBLICATIONS: Setting<PublicationConfig[]> = either(
  (value) => value === false,
  literal(false, []),
  mapped(list(PUBLICATION, { of: 'publications' }), (all, place) =>
    all.map(({ format: _, ...config }, index) => {
      const { to, table, path } = config;
      if (all.findIndex((each) => each.to === to && each.table === table && each.path === path) < index)
        place.at(index).must(`publishes to ${shown(table ?? path)} of '${to}' a second time`);
      return { enabled: true, ...config };
    }),
  ),
);
