// Reads `meta.tsdbt.publish` of a node: a list of publications, each checked separately and completed with defaults.
// check-targets.ts checks them against the connections and the capabilities of their databases.
import type { Json } from '../contracts/node.ts';
import type { KeptSnapshots, PublicationConfig, PublishedIndex, PublishMode } from '../contracts/publication.ts';
import { DURATION_UNITS } from '../values/duration.ts';
import { knownWords } from '../values/close-matches.ts';
import { retentionMs } from './partition-key.ts';
import { readPartitionKey } from './partition-key.ts';
import { isDictionary } from '../values/is-dictionary.ts';

type Dictionary = { readonly [name: string]: Json };

/** What is wrong, and the position below `publish`. */
export interface PublishProblem {
  readonly keys: readonly (string | number)[];
  /** What is wrong, as a predicate: `'mode' must be …`. */
  readonly what: string;
  readonly hint?: string | undefined;
}

/** Throws the error of a publication. */
export type RefusePublication = (problem: PublishProblem) => never;

const MODES: readonly PublishMode[] = ['replace', 'upsert', 'partitions', 'append'];
const WHEN = ['green', 'built'] as const;
const OPTIONS: readonly (keyof PublicationConfig | 'format')[] = [
  'to',
  'table',
  'path',
  'format',
  'mode',
  'key',
  'order_by',
  'partition_by',
  'indexes',
  'columns',
  'when',
  'retention',
  'snapshots',
  'adopt',
];
/** Postgres truncates longer names. */
const LONGEST_NAME = 63;

/**
 * The publications of a node, in the order of the file.
 * @param written `meta.tsdbt.publish`: one publication or a list of them; null and absent: none
 * @param refuse called with the first problem
 */
export function readPublications(written: Json | undefined, refuse: RefusePublication): PublicationConfig[] {
  if (written === undefined || written === null || written === false) return [];
  const list = Array.isArray(written) ? written : [written];
  const found = list.map((each, index) => {
    const keys = Array.isArray(written) ? [index] : [];
    if (!isDictionary(each))
      return refuse({ keys, what: `must be { to: a connection, table: … }, or a list of such, found ${show(each)}` });
    return new Reader(each, keys, refuse).publication();
  });
  for (const [index, { to, table, path }] of found.entries()) {
    const first = found.findIndex((other) => other.to === to && other.table === table && other.path === path);
    if (first < index) refuse({ keys: [index], what: `publishes to '${table ?? path}' of '${to}' a second time` });
  }
  return found;
}

/** Whether two publications share files: the paths are equal, or one is a folder in the other. */
export function overlap(one: PublicationConfig, other: PublicationConfig): boolean {
  if (one.to !== other.to || one.path === null || other.path === null) return false;
  const [a, b] = [`${one.path}/`, `${other.path}/`];
  return a.startsWith(b) || b.startsWith(a);
}

class Reader {
  readonly #options: Dictionary;
  readonly #keys: readonly (string | number)[];
  readonly #refuse: RefusePublication;

  constructor(options: Dictionary, keys: readonly (string | number)[], refuse: RefusePublication) {
    this.#options = options;
    this.#keys = keys;
    this.#refuse = refuse;
  }

  publication(): PublicationConfig {
    const known: readonly string[] = OPTIONS;
    for (const option of Object.keys(this.#options))
      if (!known.includes(option))
        this.#fail(`has the unknown option '${option}'`, [option], `${knownWords('Options', option, known)}.`);
    const config: PublicationConfig = {
      enabled: true,
      to: this.#text('to') ?? this.#fail("needs 'to': the name of a connection of connections.yml"),
      table: this.#table(),
      path: this.#path(),
      mode: this.#choice('mode', MODES, 'replace'),
      key: this.#names('key') ?? [],
      order_by: this.#names('order_by') ?? [],
      partition_by: this.#partitions(),
      indexes: this.#indexes(),
      columns: this.#names('columns'),
      when: this.#choice('when', WHEN, 'green'),
      retention: this.#time('retention', this.#options['retention'] ?? null),
      snapshots: this.#snapshots(),
      adopt: this.#flag('adopt'),
    };
    this.#together(config);
    return config;
  }

  /** Options that require or exclude each other. */
  #together({
    table,
    path,
    mode,
    key,
    partition_by: parts,
    columns,
    retention,
    order_by: order,
    indexes,
  }: PublicationConfig): void {
    if (table === null && path === null) this.#fail("needs 'table': name or schema.name, or 'path' in a store");
    if (table !== null && path !== null) this.#fail("has 'table' and 'path'; one of them must go", ['path']);
    if (mode === 'upsert' && key.length === 0) this.#fail("of mode upsert needs 'key': the columns that name a row");
    if (mode === 'partitions' && parts.length === 0)
      this.#fail("of mode partitions needs 'partition_by': columns, or day(column)");
    if (retention !== null && mode !== 'partitions')
      this.#fail(
        `has 'retention', which only mode partitions keeps, and its mode is ${mode}`,
        ['retention'],
        'In the other modes the copy holds what the model holds.',
      );
    if (columns === null) return;
    const named = [...key, ...order, ...parts.map((part) => readPartitionKey(part)?.column ?? part)];
    for (const name of [...named, ...indexes.flatMap((index) => index.columns)])
      if (!columns.includes(name))
        this.#fail(
          `leaves the column '${name}' out of 'columns' and uses it`,
          ['columns'],
          `Columns: ${columns.join(', ')}.`,
        );
  }

  #fail(what: string, keys: readonly (string | number)[] = [], hint?: string): never {
    return this.#refuse({ keys: [...this.#keys, ...keys], what, hint });
  }

  #text(name: string): string | null {
    const value = this.#options[name];
    if (value === undefined || value === null) return null;
    return typeof value === 'string' && value !== ''
      ? value
      : this.#fail(`'${name}' must be a text, found ${show(value)}`, [name]);
  }

  #table(): string | null {
    const table = this.#text('table');
    if (table === null) return null;
    const parts = table.split('.');
    if (parts.length > 2 || parts.some((part) => part === '' || /["`\0]/.test(part) || part.length > LONGEST_NAME))
      this.#fail(`'table' must be name or schema.name, found ${show(table)}`, ['table']);
    return table;
  }

  /** Below the bucket; `format` says what is there, and has one value yet. */
  #path(): string | null {
    const path = this.#text('path');
    if (this.#text('format') !== null) this.#choice('format', ['parquet'], 'parquet');
    if (path === null) {
      if (this.#text('format') !== null) this.#fail("has 'format', which is for files below a 'path'", ['format']);
      return null;
    }
    const parts = path.replace(/\/$/, '').split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\0-\x1f]/.test(part)))
      this.#fail(`'path' must be a path below the bucket, found ${show(path)}`, ['path'], 'path: marts/sessions.');
    if (path.includes('='))
      this.#fail(
        `'path' must not hold '=', found ${show(path)}`,
        ['path'],
        "Folders with '=' are those of 'partition_by': files of two copies would mix.",
      );
    return parts.join('/');
  }

  #flag(name: string): boolean {
    const value = this.#options[name] ?? false;
    return typeof value === 'boolean'
      ? value
      : this.#fail(`'${name}' must be true or false, found ${show(value)}`, [name]);
  }

  #choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.#options[name] ?? fallback;
    return (
      choices.find((choice) => choice === value) ??
      this.#fail(
        `'${name}' must be one of ${choices.join(', ')}, found ${show(value)}`,
        [name],
        typeof value === 'string' ? knownWords('Known', value, choices) : undefined,
      )
    );
  }

  #names(name: string, value: Json | undefined = this.#options[name]): string[] | null {
    if (value === undefined || value === null) return null;
    const list = Array.isArray(value) ? value : [value];
    if (list.length === 0 || !list.every((item): item is string => typeof item === 'string' && item !== ''))
      return this.#fail(`'${name}' must be a list of columns, found ${show(value)}`, [name]);
    const twice = list.find((item, index) => list.indexOf(item) < index);
    return twice === undefined ? list : this.#fail(`'${name}' has the column '${twice}' twice`, [name]);
  }

  #partitions(): string[] {
    const parts = this.#names('partition_by') ?? [];
    for (const part of parts)
      if (readPartitionKey(part) === null)
        this.#fail(
          `'partition_by' must hold columns, or hour, day, month or year of one, found ${show(part)}`,
          ['partition_by'],
          'Such as: [day(created_at), country].',
        );
    return parts;
  }

  #indexes(): PublishedIndex[] {
    const value = this.#options['indexes'];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return this.#fail(`'indexes' must be a list, found ${show(value)}`, ['indexes']);
    return value.map((each) => {
      if (!isDictionary(each)) return { columns: this.#names('indexes', each) ?? [], unique: false };
      const { columns, unique = false, ...others } = each;
      const [other] = Object.keys(others);
      if (other !== undefined)
        this.#fail(`an index has the unknown option '${other}'`, ['indexes'], 'Options: columns, unique.');
      if (typeof unique !== 'boolean')
        return this.#fail(`'unique' of an index must be true or false, found ${show(unique)}`, ['indexes']);
      const named = this.#names('indexes', columns);
      return named === null
        ? this.#fail(`an index needs 'columns', found ${show(each)}`, ['indexes'])
        : { columns: named, unique };
    });
  }

  #snapshots(): KeptSnapshots | null {
    const value = this.#options['snapshots'] ?? null;
    if (value === null) return null;
    const { keep, older_than: age, ...others } = isDictionary(value) ? value : { found: value };
    const [other] = Object.keys(others);
    if (other !== undefined)
      this.#fail(`'snapshots' must be { keep: 10, older_than: 5d }, found ${show(value)}`, ['snapshots']);
    const count = keep ?? null;
    if (count !== null && (typeof count !== 'number' || !Number.isInteger(count) || count < 1))
      return this.#fail(`'keep' of 'snapshots' must be a whole number from 1 on, found ${show(count)}`, ['snapshots']);
    const time = this.#time('snapshots', age ?? null, "'older_than' of 'snapshots'");
    return { keep: count, older_than: time };
  }

  #time(option: string, value: Json, named = `'${option}'`): string | null {
    if (value === null) return null;
    if (typeof value === 'string' && retentionMs(value) !== null) return value;
    return this.#fail(
      `${named} must be a time such as 90 days or 12h, found ${show(value)}`,
      [option],
      `Units: ${DURATION_UNITS.join(', ')}.`,
    );
  }
}

function show(value: Json): string {
  return JSON.stringify(value);
}
