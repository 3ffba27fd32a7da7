// Compares what the loader reads of Avro messages with what fastavro reads, on random schemas, and rows that are made
// with a record in between with those made without: npm run oracle -- fuzz-avro [first seed] [count]. fastavro writes
// the messages. Needs no database. Prints what differs; exit code 1 when something does. AVRO_READER=avsc plays that
// library in our place, from the folder where it is installed: AVRO_READER=/path/node_modules/avsc.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { avroPython, root } from '../support/servers.mjs';
import { importSource } from '../support/source.mjs';
import { Random } from './random.mjs';

const [first = 1, count = 10_000] = process.argv.slice(2).map(Number);
/** Column types for fields, with what the table would say of them. */
const TYPES = [
  ['text'],
  ['text', 'text'],
  ['jsonb', 'jsonb'],
  ['json', 'json'],
  ['bigint', 'int8'],
  ['integer', 'int4'],
  ['smallint', 'int2'],
  ['numeric', 'numeric'],
  ['numeric(12,3)', 'numeric', ((12 << 16) | 3) + 4],
  ['double precision', 'float8'],
  ['real', 'float4'],
  ['boolean', 'bool'],
  ['timestamptz', 'timestamptz'],
  ['timestamp', 'timestamp'],
  ['date', 'date'],
  ['time', 'time'],
  ['uuid', 'uuid'],
  ['bytea', 'bytea'],
  ['varchar(5)', 'varchar', 9],
  ['interval'],
  ['text[]', '_text'],
];

/** Types that surely take what a field gives, by the beginning of its logical type or its type. */
const FITTING = {
  boolean: /^(text|json|bool)/,
  int: /^(text|json|bigint|integer|numeric$|double)/,
  long: /^(text|json|bigint|numeric$|double)/,
  float: /^(text|json|double)/,
  double: /^(text|json|double)/,
  string: /^(text$|json)/,
  enum: /^(text$|json)/,
  bytes: /^(text$|json|bytea)/,
  fixed: /^(text$|json|bytea)/,
  decimal: /^(text$|json|numeric$)/,
  date: /^(text$|json|timestamp|date)/,
  time: /^(text$|json|time$)/,
  timestamp: /^(text$|json|timestamp)/,
  local: /^(text$|json|timestamp)/,
  uuid: /^(text$|json|uuid)/,
};

function fitting(type) {
  const one = Array.isArray(type) ? type.find((branch) => branch !== 'null') : type;
  const kind = one?.logicalType?.split('-')[0] ?? one?.type ?? one;
  return TYPES.filter(([name]) => (FITTING[kind] ?? /^json|^text$/).test(name));
}

function columnOf(random, { name, type: avro }) {
  const [type, stored, modifier = -1] = random.pick(random.chance(0.9) ? fitting(avro) : TYPES);
  return {
    name,
    type,
    ...(stored === undefined || random.chance(0.2)
      ? {}
      : {
          stored: {
            input: type,
            type: stored,
            modifier,
            element: stored === '_text' ? 'text' : null,
            labels: null,
            required: random.chance(0.02),
          },
        }),
    ...(random.chance(0.1) ? { fallback: random.pick([0, 'none', true]) } : {}),
  };
}

/** A table that takes some of a schema's fields, and some that it has not. */
function tableOf(random, schema) {
  const columns = [...schema.fields, { name: 'more', type: 'string' }, { name: 'processing_ts', type: 'date' }]
    .filter(() => random.chance(0.7))
    .map((field) => columnOf(random, field));
  const key = columns.filter(() => random.chance(0.2)).map(({ name }) => name);
  const rest = schema.fields.map(({ name }) => name).filter((name) => columns.every((column) => column.name !== name));
  const upsert = key.length > 0 && random.chance(0.5);
  return {
    columns,
    mode: upsert ? 'upsert' : 'append',
    key: upsert ? key : [],
    hash: columns.filter(({ type }) => type === 'text' && random.chance(0.1)).map(({ name }) => name),
    drop: rest.filter(() => random.chance(0.2)),
    rest: random.chance(0.7) ? '_rest' : null,
    schemaDrift: random.chance(0.8) ? 'ignore' : 'dead_letter',
    partitionBy: columns.length > 0 && random.chance(0.15) ? { column: random.pick(columns).name, every: 'day' } : null,
  };
}

const work = mkdtempSync(join(tmpdir(), 'fuzz-avro-'));
const python = spawn(avroPython(), [join(root, 'tests/oracle/fuzz/avro.py'), String(first), String(count)], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const counts = { schemas: 0, refused: 0, messages: 0, rows: 0, fast: 0, dead: 0 };
const different = { schemas: 0, rows: 0 };
const show = (kind, ...words) => {
  if (++different[kind] <= 5) console.log(kind, ...words);
};
let cpu = 0;
const timed = (work) => {
  const before = process.cpuUsage();
  try {
    return work();
  } finally {
    const { user, system } = process.cpuUsage(before);
    cpu += (user + system) / 1e6;
  }
};

/** What reads a message in our place. */
function libraryReader(library) {
  const avro = createRequire(import.meta.url)(resolve(library));
  return (schema) => {
    // Its own longs refuse what no double has.
    const long = avro.types.LongType.__with({
      fromBuffer: (bytes) => bytes.readBigInt64LE(),
      toBuffer: (value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64LE(value);
        return bytes;
      },
      fromJSON: BigInt,
      toJSON: Number,
      isValid: (value) => typeof value === 'bigint',
      compare: (a, b) => Number(a > b) - Number(a < b),
    });
    const type = avro.Type.forSchema(schema, { wrapUnions: 'auto', registry: { long } });
    return (bytes) => type.fromBuffer(bytes);
  };
}

/** A library's value beside fastavro's, its form left out of account: bytes, wrapped unions, bare logical types. */
function isSameInSubstance(value, theirs, isSame) {
  const [kind, inner] = theirs;
  const ours = typeof value?.unwrap === 'function' ? Object.values(value)[0] : value;
  if (kind === 'd' || kind === 'w' || (kind === 't' && typeof ours !== 'string')) return true;
  if (kind === 'i') return String(ours) === inner;
  if (kind === 'b') return Buffer.isBuffer(ours) && ours.toString('base64') === inner;
  if (kind === 'f') return Object.is(ours, { nan: Number.NaN, inf: 1 / 0, '-inf': -1 / 0 }[inner] ?? Number(inner));
  if (kind === 'l')
    return ours.length === inner.length && inner.every((each, i) => isSameInSubstance(ours[i], each, isSame));
  if (kind === 'm') return [...new Map(inner)].every(([name, each]) => isSameInSubstance(ours[name], each, isSame));
  return isSame(ours, theirs);
}

try {
  const contents =
    "export * from './tests/engine/support/avro.ts'; export * from './tests/engine/support/load-target.ts';";
  const { schemaOf, decoded, isSame, bothWays, loadTargetOf } = await importSource(contents, join(work, 'ours.mjs'));
  const library = process.env.AVRO_READER;
  const readerOf =
    library === undefined
      ? (schema) => {
          const known = schemaOf(schema);
          return (bytes) => decoded(known, bytes);
        }
      : libraryReader(library);
  const failures = new Map();
  for await (const line of createInterface({ input: python.stdout })) {
    const { seed, schema, messages, values, refused } = JSON.parse(line);
    if (refused !== undefined) {
      counts.refused++;
      continue;
    }
    counts.schemas++;
    let same = true;
    const random = new Random(seed);
    try {
      const read = timed(() => readerOf(schema));
      for (const [i, hex] of messages.entries()) {
        counts.messages++;
        const bytes = Buffer.from(hex, 'hex');
        const ours = timed(() => read(bytes));
        if (!(library === undefined ? isSame(ours, values[i]) : isSameInSubstance(ours, values[i], isSame))) {
          if (same) show('schemas', seed, JSON.stringify(schema), JSON.stringify(values[i]), ours);
          same = false;
        }
      }
    } catch (error) {
      show('schemas', seed, JSON.stringify(schema), error.message);
      const reason = error.message.slice(0, 24);
      failures.set(reason, (failures.get(reason) ?? 0) + 1);
    }
    if (library !== undefined) continue;
    for (let table = 0; table < 2; table++) {
      const target = loadTargetOf('t', { format: 'avro', ...tableOf(random, schema) });
      const known = schemaOf(schema, target);
      for (const hex of messages) {
        const { fast, slow } = bothWays(known, target, target.columns, Buffer.from(hex, 'hex'));
        counts.rows++;
        if ('error' in slow) counts.dead++;
        if (fast === null) continue;
        counts.fast++;
        if (JSON.stringify(fast) !== JSON.stringify(slow))
          show('rows', seed, JSON.stringify(schema), JSON.stringify(target), hex, fast, slow);
      }
    }
  }
  for (const [reason, times] of failures) console.log(`${times} times: ${reason}`);
} finally {
  python.kill();
  rmSync(work, { recursive: true, force: true });
}
console.log(
  `schemas: ${counts.schemas} compared (${counts.messages} messages), ${different.schemas} differ; ` +
    `${counts.refused} refused by fastavro itself; ${cpu.toFixed(3)} CPU s`,
);
console.log(
  `rows: ${counts.rows}, ${counts.fast} made without a record, ${counts.dead} dead, ${different.rows} differ`,
);
process.exitCode = different.schemas + different.rows > 0 || counts.schemas < count * 0.9 ? 1 : 0;
