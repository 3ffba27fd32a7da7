// The settings of `load:`: topics into a table, their archive, and tables of other databases. The loader checks them
// against the declared columns and the database of the table.
import { isDictionary } from '../values/is-dictionary.ts';
import {
  anything,
  choice,
  dictionary,
  duration,
  either,
  flag,
  list,
  literal,
  matching,
  scalar,
  size,
  switched,
  text,
  unlessFalse,
  whole,
} from './kinds.ts';
import { exclusive, optional, type ReadFields, record, required, withDefault } from './record-settings.ts';
import { mapped, type Place, type Setting } from './setting.ts';

const names: Setting<readonly string[]> = list(text, { of: 'names', empty: true });
/** The number of messages among which dead letters are counted. */
export const DEAD_WINDOW = 10_000;
/** The system column of Postgres with the transaction that wrote a row. */
export const XMIN = 'xmin';
const EPOCHS = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'] as const;
const HASH = 'stored as HMAC-SHA-256 in hexadecimal. Text columns only. Needs [TSDBT_HASH_KEY](#hash-and-drop)';

export const FLUSH = record({
  rows: optional(whole(1), 'Number of rows', '`50000`'),
  bytes: optional(size(), 'Size in memory; a number is bytes', '`16MiB`'),
  age: optional(duration({ unit: 1000 }), 'Age of the first row; a number is seconds', '`2s`'),
});

export const COMPACT_DEFAULTS = { after: 3_600_000, keep: 3_600_000, size: 64 * 1024 ** 2 };
const COMPACT = record({
  after: withDefault(
    duration({ unit: 1000 }),
    COMPACT_DEFAULTS.after,
    'how long after its end a day is closed',
    '`1h`',
  ),
  // A loader that sleeps while it writes a file may write it this much later: sink.ts, and S3's signatures.
  keep: withDefault(
    duration({ unit: 1000, least: 1_800_000 }),
    COMPACT_DEFAULTS.keep,
    'how long joined files are kept',
    '`1h`',
  ),
  size: withDefault(
    size(1024 ** 3, 'It is held in memory.'),
    COMPACT_DEFAULTS.size,
    'size of a joined file',
    '`64MiB`',
  ),
});

const FOLDER = mapped(
  matching(
    /^(?!\/)(?!.*\/\/)[^\0-\x1f]+$/,
    'a path below the bucket',
    'text',
    'Example: raw/events/dt={day}/hour={hour}/.',
  ),
  (path, place) => {
    for (const [found, name = ''] of path.matchAll(/\{([^{}]*)\}/g))
      if (!['topic', 'day', 'hour'].includes(name))
        place.must(`has the unknown placeholder ${found}`, 'Placeholders: {topic}, {day}, {hour}.');
    return path.endsWith('/') ? path : `${path}/`;
  },
);

export const ARCHIVE = record(
  {
    connection: required(text, 'Of type `s3` in [connections.yml](#object-stores)'),
    path: required(FOLDER, 'Folder below the bucket, with `{topic}`, `{day}`, `{hour}`'),
    format: withDefault(choice('ndjson.gz', 'parquet'), 'ndjson.gz', '[Files](archive.md#files)'),
    flush: optional(FLUSH, 'When files are written; bytes are those in memory', '`32MiB`, `5m`'),
    table: withDefault(flag, true, '`false`: files only'),
    compact: optional(
      switched(COMPACT),
      'The small files of a past day are joined: [Compaction](archive.md#compaction)',
      'off',
    ),
  },
  {
    example: 'Example: archive: {connection: lake, path: raw/events/dt={day}/}.',
    check: ({ path, compact }, place) => {
      if (compact !== null && !path.includes('{day}'))
        place.at('path').must("needs {day}: 'compact' joins the files of a day", 'Example: raw/events/dt={day}/.');
    },
  },
);

/** A date or timestamp in ISO form in milliseconds since 1970, UTC without a zone; null for other texts. */
export function writtenTime(written: string): number | null {
  const iso = written.trim().replace(' ', 'T');
  if (!/^\d{4}-\d\d/.test(iso)) return null;
  const time = Date.parse(iso.includes('T') && !/([zZ]|[+-]\d\d:?\d\d)$/.test(iso) ? `${iso}Z` : iso);
  return Number.isNaN(time) ? null : time;
}

const START = either(
  (value) => value === 'earliest' || value === 'latest',
  choice('earliest', 'latest'),
  mapped(text, (written, place) => {
    const expects = "earliest, latest or a time such as '2026-05-01 12:00'";
    return writtenTime(written) ?? place.wrong(expects, written);
  }),
);

const MAX_DEAD = unlessFalse(
  mapped(
    either((value) => typeof value === 'number', mapped(whole(0), String), matching(/^\d+(\.\d+)?\s*%?$/, 'a share')),
    (written, place) => {
      const limit = Math.round(parseFloat(written) * (written.endsWith('%') ? DEAD_WINDOW / 100 : 1));
      if (limit <= DEAD_WINDOW) return limit;
      return place.wrong(`at most ${DEAD_WINDOW} of the last ${DEAD_WINDOW} messages`, written);
    },
  ),
);

const PARTITIONS = record({ column: required(text, ''), every: withDefault(choice('day', 'week'), 'day', '') });
const EXPRESSIONS: Setting<readonly string[]> = list(text, { of: 'expressions', empty: true, repeated: true });
const RETENTION = mapped(
  matching(/^0*[1-9]\d*\s*(d|days?|w|weeks?)$/, "a number of days or weeks such as '90 days'", '`90 days`, `12 weeks`'),
  (written) => parseInt(written, 10) * (written.includes('w') ? 7 : 1),
);
const SERVER_SETTING = either(
  (value) => typeof value === 'boolean',
  mapped(flag, (is) => String(Number(is))),
  scalar,
);

/** `schema.name` of another database. */
const TABLE = mapped(
  matching(/^[^.]+(\.[^.]+)?$/, 'schema.name', 'text', 'One table of another database; a source table for each.'),
  (written) => {
    const [one = '', two] = written.split('.');
    return two === undefined ? { schema: 'public', name: one } : { schema: one, name: two };
  },
);

/** Of `format: debezium` and of replicated tables. */
export const CHANGE_FIELDS = {
  replicate: optional(TABLE, 'The table of another Postgres, `schema.name`, in place of a topic', 'none'),
  slot: optional(
    matching(/^[a-z0-9_]{1,48}$/, '1 to 48 characters of a-z, 0-9 and _', 'text'),
    'With `replicate`: the replication slot. Tables of a connection can share it: ' +
      '[Share a slot](replicate.md#share-a-slot)',
    '`tsdbt_SCHEMA_TABLE`',
  ),
  publication: optional(
    text,
    'With `replicate`: an existing publication of the table; without it the loader creates one',
    "the slot's name",
  ),
  max_slot_lag: optional(
    size(),
    "With `replicate`: bytes of the source's log that the slot may keep: " +
      "[The source's log](replicate.md#the-sources-log)",
    'none',
  ),
  on_slot_lag: withDefault(
    choice('alert', 'drop'),
    'alert',
    'What happens beyond `max_slot_lag`: `drop` drops the slot, and the table needs a new snapshot',
  ),
  flattened: withDefault(flag, false, 'Rows have no envelopes: [Flattened rows](cdc.md#flattened-rows)'),
  deletes: withDefault(
    choice('soft', 'hard', 'ignore'),
    'soft',
    '`soft` sets `_deleted` and keeps the row; `hard` deletes it',
  ),
  truncate: withDefault(choice('fail', 'ignore', 'apply'), 'fail', '`apply` handles all older rows as `deletes` says'),
  decimal_handling_mode: withDefault(
    choice('precise', 'string', 'double'),
    'precise',
    "The connector's `decimal.handling.mode`, for messages without a schema",
  ),
  time_precision_mode: withDefault(
    choice('adaptive', 'adaptive_time_microseconds', 'connect', 'isostring', 'microseconds', 'nanoseconds'),
    'adaptive',
    'Its `time.precision.mode`, for messages without a schema',
  ),
  binary_handling_mode: withDefault(
    choice('bytes', 'base64', 'base64-url-safe', 'hex'),
    'bytes',
    'Its `binary.handling.mode`',
  ),
  unavailable_value_placeholder: optional(
    matching(/^[\s\S]{8,}$/, 'a text of 8 characters or more, which no value of a row may be'),
    'Its `unavailable.value.placeholder`',
    '`__debezium_unavailable_value`',
  ),
};

/** The options of tables that each database has. */
export const TABLE_FIELDS = {
  Postgres: {
    retention: optional(
      RETENTION,
      'Postgres; on ClickHouse `ttl`. Partitions whose rows are all older are dropped once per ' +
        'hour, with rows that were older when they arrived. Needs `partition_by`',
    ),
  },
  ClickHouse: {
    order_by: withDefault(
      EXPRESSIONS,
      [],
      "ORDER BY. With `upsert` only the key's columns; with a key in `append` mode it begins with them",
      'the key, or `_topic, _partition, _offset`',
    ),
    primary_key: withDefault(EXPRESSIONS, [], 'The first expressions of `order_by`', 'ORDER BY'),
    ttl: optional(text, "TTL of rows, also `… to volume 'cold'`"),
    engine: optional(
      text,
      'The same as Replicated or Shared, with path and replica; version and deletion are added. Replicated is the ' +
        'default on a cluster',
      'by mode',
    ),
    settings: withDefault(
      dictionary(SERVER_SETTING, { name: /^[A-Za-z_]\w*$/, names: 'the name of a setting' }),
      {},
      'Settings of the table',
      '`non_replicated_deduplication_window: 10000`',
    ),
  },
};

const LOAD_FIELDS = {
  topic: optional(text, 'The Kafka topic', 'one of them'),
  topics: optional(names, 'Several topics into one table: [Several topics](#several-topics)', 'one of them'),
  topic_pattern: optional(
    text,
    'The topics whose whole name matches the expression: [Several topics](#several-topics)',
    'one of them',
  ),
  connection: withDefault(text, 'default', 'A name in [connections.yml](#connectionsyml)'),
  format: withDefault(
    choice('json', 'json_schema', 'avro', 'debezium'),
    'json',
    "`json_schema`, `avro`: what Confluent's serializers write; the connection names a [registry](#registry). " +
      '`debezium`: [changes of a database](#changes-of-a-database)',
  ),
  mode: optional(
    choice('append', 'upsert'),
    '`append` adds one row per message. `upsert` keeps the newest row of each key; a tombstone sets `_deleted`',
    '`append`',
  ),
  key: withDefault(
    names,
    [],
    'Columns that identify a row. Required by `upsert`. With `partition_by` it must contain that column. Without it ' +
      'a tombstone is a dead letter',
    'none',
  ),
  partition_by: optional(
    either(isDictionary, PARTITIONS, EXPRESSIONS),
    '`{column, every}` on Postgres: range partitions by `day` (default) or `week` (from Monday, UTC) of a ' +
      'declared column. Rows that are far away go to the default partition. [On ClickHouse](#load-on-clickhouse) ' +
      'expressions for PARTITION BY; in `upsert` mode of columns of the key only',
  ),
  hash: withDefault(names, [], `Columns whose values are ${HASH}`, 'none'),
  drop: withDefault(
    names,
    [],
    'Fields that are never stored, also not in `rest`. Needs [TSDBT_HASH_KEY](#hash-and-drop)',
    'none',
  ),
  schema_drift: withDefault(
    choice('ignore', 'add_column', 'fail', 'dead_letter'),
    'ignore',
    'What happens to a field without a column: [schema_drift](#schema_drift)',
  ),
  rest: withDefault(
    unlessFalse(text),
    '_rest',
    'The column for fields without a column (`jsonb`; on ClickHouse the JSON as `String`); `false`: they are not kept',
  ),
  start: withDefault(START, 'earliest', 'Where a topic without a position begins: [start](#start)'),
  flush: optional(FLUSH, 'When a transaction is written: [flush](#flush)', 'see below'),
  on_gap: withDefault(
    choice('stop', 'earliest'),
    'stop',
    'The topic was recreated, or its oldest messages were deleted before they were read: `stop` fails, `earliest` ' +
      'continues with what is left. Rows of the earlier topic stay; where ClickHouse would take them for newer, with ' +
      '`mode: upsert`, they have to be deleted first',
  ),
  max_dead: withDefault(
    MAX_DEAD,
    100,
    'Dead letters among the last 10,000 messages beyond which the table stops: a number, or a share such as `2%`; ' +
      '`false`: any number',
  ),
  archive: optional(unlessFalse(ARCHIVE), 'The messages also go into files of an object store: [archive](#archive)'),
  ...TABLE_FIELDS.Postgres,
  ...TABLE_FIELDS.ClickHouse,
  ...CHANGE_FIELDS,
};
/** The settings of a table that topics fill. */
export type LoadSettings = ReadFields<typeof LOAD_FIELDS>;

export const LOAD = record(LOAD_FIELDS, {
  rules: [exclusive('topic', 'topics', 'topic_pattern', 'replicate')],
  check: checkLoad,
});

/** Settings of topics and connectors, which a replicated table does not have. */
const NOT_REPLICATED = [
  'format',
  'start',
  'on_gap',
  'archive',
  'flattened',
  'decimal_handling_mode',
  'time_precision_mode',
  'binary_handling_mode',
  'unavailable_value_placeholder',
];
const OF_SLOT = ['slot', 'publication', 'max_slot_lag', 'on_slot_lag'];

function checkLoad(load: LoadSettings, place: Place, has: (key: string) => boolean): void {
  const { format, key, archive, deletes, truncate } = load;
  const changes = format === 'debezium' || load.replicate !== null;
  const mode = load.mode ?? (changes ? 'upsert' : 'append');
  const change = Object.keys(CHANGE_FIELDS).find(has);
  if (!changes && change !== undefined) place.at(change).must('needs format: debezium or replicate');
  for (const option of load.replicate === null ? OF_SLOT : NOT_REPLICATED)
    if (has(option))
      place.at(option).must(load.replicate === null ? "needs 'replicate'" : "cannot be used with 'replicate'");
  if (load.on_slot_lag === 'drop' && load.max_slot_lag === null) place.at('on_slot_lag').must("needs 'max_slot_lag'");
  if (mode === 'upsert' && key.length === 0)
    place.refuse(
      "mode 'upsert' needs 'key'",
      changes
        ? "key: [id] names the fields of the messages' key; a table without a key takes mode: append."
        : 'key: [id] names the columns that identify a row.',
    );
  if (load.topics?.length === 0) place.at('topics').must('must name a topic');
  if (archive !== null && load.topic === null && !archive.path.includes('{topic}'))
    place.at('archive', 'path').must('needs {topic}: files of several topics have equal names');
  if (archive !== null && (load.hash.length > 0 || load.drop.length > 0))
    place.at('archive').must("cannot be used with 'hash' or 'drop'", 'It keeps messages as they are.');
  if (load.flattened && has('truncate'))
    place.at('truncate').must("cannot be used with 'flattened'", 'No flattened row tells of a truncate.');
  if (mode === 'append' && deletes === 'hard')
    place.at('deletes').wrong('soft or ignore with mode: append', deletes, 'Without a key no row can be found.');
  if (deletes === 'ignore' && truncate === 'apply')
    place.at('truncate').must("has no effect with 'deletes: ignore'", 'deletes: hard or soft, or truncate: ignore.');
}

const LOOKBACK = either(
  (value) => typeof value === 'number',
  mapped(whole(0), (steps) => ({ steps })),
  mapped(duration({ least: 0, unit: 1000 }), (ms) => ({ ms })),
);
const SYNC_FIELDS = {
  table: required(TABLE, '`schema.name` in the other database'),
  connection: withDefault(text, 'default', 'A database in [connections.yml](#other-databases)'),
  strategy: withDefault(choice('full', 'incremental'), 'full', 'All rows, or those that have changed'),
  cursor: optional(
    text,
    'Column, or `xmin`: tells which rows have changed by a time, a number, or the transaction that wrote them',
    'required by `incremental`',
  ),
  lookback: optional(LOOKBACK, 'How far before the last position rows are read again', '`10m`, or 0'),
  key: withDefault(names, [], 'Columns that identify a row', 'the primary key'),
  columns: withDefault(names, [], 'Columns that are synced', 'all'),
  hash: withDefault(names, [], `Columns whose values are ${HASH}. Not the cursor`, 'none'),
  drop: withDefault(names, [], 'Columns that are never read', 'none'),
  adopt: withDefault(flag, false, 'Takes over a table with rows that no sync wrote'),
  every: withDefault(duration({ unit: 1000 }), 3_600_000, 'From the start of one sync to the next', '`1h`'),
};

/** The settings of a table that is synced from another database. */
export const SYNC = record(SYNC_FIELDS, {
  unknown: "A table of another database has no 'topic'.",
  check: ({ strategy, cursor, lookback, key, columns, hash, drop }, place) => {
    if (strategy === 'incremental' && cursor === null)
      place.refuse("strategy 'incremental' needs 'cursor'", `cursor: updated_at, or cursor: ${XMIN}.`);
    if (strategy === 'full' && cursor !== null) place.at('cursor').must('needs strategy: incremental');
    if (lookback !== null && (cursor === null || cursor === XMIN))
      place.at('lookback').must("needs a 'cursor' that is a column");
    if (cursor !== null && hash.includes(cursor))
      place
        .at('hash')
        .must(
          `cannot contain the cursor '${cursor}': hashes have another order`,
          `cursor: ${XMIN} needs no column; strategy: full needs no cursor.`,
        );
    const own = cursor === null || cursor === XMIN ? [] : [cursor];
    const missing =
      columns.length === 0 ? undefined : [...key, ...own, ...hash].find((each) => !columns.includes(each));
    if (missing !== undefined) place.at('columns').must(`lacks '${missing}', which another key names`);
    const twice = drop.find((each) => [...columns, ...hash, ...key, cursor].includes(each));
    if (twice !== undefined) place.at('drop').must(`contains '${twice}', which another key names`);
  },
});

/** Keys of every kind of `load`, for checks of a part: a source has some of them, its tables others. */
export const ANY_LOAD = unlessFalse(
  record(
    { ...SYNC_FIELDS, ...LOAD_FIELDS, table: optional(text, '') },
    { example: 'Example: load: {topic: events}. false: nothing loads the table.' },
  ),
);

const STEP = either((value) => typeof value === 'number', whole(0), text);
const YEARS = mapped(list(whole(1, 294_276), { of: 'the first and the last year', repeated: true }), (years, place) => {
  const [first, last] = years;
  if (years.length === 2 && first !== undefined && last !== undefined && first <= last)
    return { first, last, declared: true };
  return place.wrong('the first and the last year, or false', years, 'Example: years: [1900, 2200].');
});

/** The settings of a column. */
export const COLUMN_LOAD = record({
  from: optional(
    matching(
      /^(key|headers|topic|partition|offset|timestamp|header\.[\s\S]+)$/,
      'key, header.NAME, headers, topic, partition, offset or timestamp',
      '[a part](#parts-of-a-message)',
      'A value within the key: {from: key, path: a.b}.',
    ),
    'The part of the message that fills the column',
    'the value',
  ),
  path: optional(
    either(Array.isArray, list<string | number>(STEP, { of: 'steps', repeated: true }), text),
    "`a.b[0].c`: a value within the message's value, or with `from: key` within its key. A list, `[a.b, 0]`, is for " +
      'names that contain a point or a bracket',
    "the column's name",
  ),
  epoch: optional(choice(...EPOCHS), 'The unit of numbers in a column of a date or a timestamp', '`milliseconds`'),
  years: optional(
    either((value) => value === false, literal<false, false>(false, false), YEARS),
    'The [years of a column](#years-of-a-column) of a date or a timestamp; `false` accepts every year',
    '`[1900, 2200]` for numbers',
  ),
  aliases: withDefault(names, [], 'With `format: avro`: names of the field in other versions of the schema', 'none'),
  default: optional(anything, 'With `format: avro`: the value if the schema has no such field', 'null'),
});
export type ColumnLoad = ReadFields<typeof COLUMN_LOAD.fields>;
