// Options of a load config for ClickHouse tables, spelt as in a model's config. table.ts writes the DDL; problems.ts
// checks what only the server knows (types, volumes).
import type { Storage } from '../settings/load-target.ts';
import type { Refuse } from '../settings/source-options.ts';
import type { TableContext, TableOptions } from '../settings/database-options.ts';

/** Settings that make a table remember insert tokens, by whether its engine is replicated. */
export const WINDOWS = {
  plain: 'non_replicated_deduplication_window',
  replicated: 'replicated_deduplication_window',
} as const;
/** How many tokens are remembered, and the fewest that may be. */
export const WINDOW = 10_000;
export const LEAST_WINDOW = 1000;

const TEXT_TYPE = new RegExp(
  String.raw`^(?:string|text|(?:tiny|medium|long)text|varchar(?:\s*\(\s*\d+\s*\))?|char varying|character varying` +
    String.raw`|fixedstring\s*\(\s*(\d+)\s*\))$`,
  'i',
);
const ENGINE = /^\s*(Replicated|Shared)?(Replacing)?MergeTree\s*(?:\(([\s\S]*)\))?\s*$/;
const PLAIN_NAME = /^[A-Za-z_]\w*$/;
/** A column in backquotes or double quotes, or a bare word that is not a function's name. */
const NAMES = /`([^`]+)`|"([^"]+)"|'(?:[^'\\]|\\.)*'|([A-Za-z_]\w*)(?!\w*\s*\()/g;

/** An engine as a config writes it. */
export interface Engine {
  /** `Replicated`, `Shared` or nothing. */
  readonly family: string;
  readonly replacing: boolean;
  /** The path in Keeper and the replica, as texts of SQL. */
  readonly place: readonly string[];
}

/** @returns null for an engine that rows cannot be loaded into once each */
export function engineOf(written: string): Engine | null {
  const match = ENGINE.exec(written);
  if (match === null) return null;
  const place = expressions(match[3] ?? '');
  if (!place.every((text) => /^'.*'$/s.test(text))) return null;
  return { family: match[1] ?? '', replacing: match[2] !== undefined, place };
}

export const CLICKHOUSE_TABLE: TableOptions = {
  database: 'ClickHouse',
  text: 'String',
  // A flush is a part of each of its partitions, and costs three statements: fewer of them and larger. One fills while
  // another is written, so eight MiB more take some 15 MB of memory.
  flush: { rows: 100_000, bytes: 24 * 1024 * 1024, age: 5000 },

  read({ engine, order_by: orders, primary_key: keys, partition_by: parts, ttl, settings }, context) {
    const { mode, key, refuse, place } = context;
    if (parts !== null && 'column' in parts)
      return place.at('partition_by').wrong('expressions', { ...parts }, 'partition_by: toYYYYMM(created_at)');
    const storage: Storage = {
      engine,
      orderBy: orders.flatMap(expressions),
      primaryKey: keys.flatMap(expressions),
      partitionBy: (parts ?? []).flatMap(expressions),
      ttl,
      settings,
    };
    for (const [name, value] of Object.entries(settings))
      if (Object.values(WINDOWS).some((window) => window === name) && !(Number(value) >= LEAST_WINDOW))
        place
          .at('settings', name)
          .must(
            `is ${value}: with fewer than ${LEAST_WINDOW} tokens a flush that is repeated could be written twice`,
            `Leave it out: it is ${WINDOW}.`,
          );
    checkEngine(storage, mode, refuse);
    checkOrder(storage, context);
    if (mode === 'upsert') checkPartitions(storage, context);
    const { orderBy, primaryKey } = storage;
    const order = orderBy.length > 0 ? orderBy : key;
    if (primaryKey.some((expression, i) => bare(expression) !== bare(order[i] ?? '')))
      refuse(
        `'primary_key' (${primaryKey.join(', ')}) is no prefix of the order (${order.join(', ')})`,
        'ClickHouse keeps an index of the first expressions of order_by only.',
      );
    return { partitionBy: null, retentionDays: null, storage };
  },

  holdsHash(type, length) {
    const match = TEXT_TYPE.exec(inner(type));
    return match !== null && (match[1] === undefined || Number(match[1]) === length);
  },
};

/** A type without LowCardinality and Nullable around it. */
function inner(type: string): string {
  const match = /^\s*(?:LowCardinality|Nullable)\s*\(([\s\S]*)\)\s*$/i.exec(type);
  return match === null ? type.trim() : inner(match[1] ?? '');
}

/** The expressions of a list that is written as one text, with parentheses around it or not. */
export function expressions(text: string): string[] {
  const trimmed = text.trim();
  if (/^(?:tuple\s*\(\s*\)|\(\s*\)|)$/i.test(trimmed)) return [];
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  /** Where the first parenthesis is closed. */
  let closed = -1;
  for (let at = 0; at < trimmed.length; at++) {
    const character = trimmed.charAt(at);
    if (character === "'" || character === '`' || character === '"') {
      for (at++; at < trimmed.length && trimmed.charAt(at) !== character; at++) if (trimmed.charAt(at) === '\\') at++;
    } else if (character === '(' || character === '[') depth++;
    else if (character === ')' || character === ']') {
      if (--depth === 0 && closed < 0) closed = at;
    } else if (character === ',' && depth === 0) {
      parts.push(trimmed.slice(start, at).trim());
      start = at + 1;
    }
  }
  if (trimmed.startsWith('(') && closed === trimmed.length - 1) return expressions(trimmed.slice(1, -1));
  return [...parts, trimmed.slice(start).trim()];
}

/** A name without its quotes; any other expression unchanged. */
export function bare(expression: string): string {
  const match = /^(?:`([^`]+)`|"([^"]+)")$/.exec(expression);
  return match?.[1] ?? match?.[2] ?? expression;
}

function checkEngine({ engine }: Storage, mode: TableContext['mode'], refuse: Refuse): void {
  if (engine === null) return;
  const found = engineOf(engine);
  if (found === null)
    refuse(
      `engine ${engine} cannot be loaded into once each: MergeTree and ReplacingMergeTree can, plain, Replicated or ` +
        'Shared, with no arguments but path and replica',
      'Let a materialized view carry the rows into a table of another engine.',
    );
  else if (found.replacing !== (mode === 'upsert'))
    refuse(
      mode === 'upsert'
        ? `engine ${engine} keeps every version of a row, and mode 'upsert' needs ReplacingMergeTree`
        : `engine ${engine} replaces rows of one order, and mode 'append' keeps all`,
      mode === 'upsert' ? "Leave 'engine' out." : "mode: upsert with a key, or leave 'engine' out.",
    );
}

/** Rows are replaced by the whole order, so in upsert mode it is the key. */
function checkOrder({ orderBy }: Storage, { mode, key, columns, refuse }: TableContext): void {
  if (orderBy.length === 0) return;
  const order = orderBy.map(bare);
  for (const name of order)
    if (PLAIN_NAME.test(name) && !columns.some((column) => column.name === name) && !name.startsWith('_'))
      refuse(
        `order_by column '${name}' is not declared`,
        `Declared: ${columns.map((column) => column.name).join(', ')}.`,
      );
  const first = order.slice(0, key.length);
  if (!key.every((name) => first.includes(name)))
    refuse(
      `the key (${key.join(', ')}) is no prefix of order_by (${order.join(', ')})`,
      `order_by: [${[...key, ...(mode === 'upsert' ? [] : order.filter((name) => !key.includes(name)))].join(', ')}]`,
    );
  if (mode === 'upsert' && order.length > key.length)
    refuse(
      `order_by has ${order.slice(key.length).join(', ')} beyond the key: rows are replaced by all of it, so a ` +
        'version with another value there would stay',
      `order_by: [${key.join(', ')}]`,
    );
}

/** Rows are replaced within a partition only. */
function checkPartitions({ partitionBy }: Storage, { key, columns, refuse }: TableContext): void {
  for (const [, backquoted, quoted, word] of partitionBy.join(', ').matchAll(NAMES)) {
    const name = backquoted ?? quoted ?? word;
    if (
      name !== undefined &&
      (name.startsWith('_') || columns.some((column) => column.name === name)) &&
      !key.includes(name)
    )
      refuse(
        `partition_by has '${name}', which the key lacks: a row is replaced within its partition only, and an older ` +
          'version could stay in another one',
        `key: [${[...key, name].join(', ')}], or partition_by of columns of the key.`,
      );
  }
}
