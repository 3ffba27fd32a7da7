// Finds what prevents loading into a ClickHouse table: types, key, engine, views, privileges. Only reads: `load check`
// reports it, `load` fails with it. guards.ts checks what each flush relies on.
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import { TsdbtError } from '../../errors.ts';
import { type LoadTarget, META_COLUMNS } from '../settings/load-target.ts';
import { canWrite } from './cells.ts';
import type { LeasedSession } from './leased-session.ts';
import { STATE_DATABASE } from './load-flushes.ts';
import { columnType, orderOf, tableName, versionColumn } from './table.ts';
import { bare, expressions } from './table-options.ts';
import { comparedType, parseType } from './types.ts';

const TEXT_TYPES = ['String', 'Nullable(String)'];
/** The types that the loader can write for its columns, by name; other columns are texts. */
const META_TYPES: Readonly<Record<string, RegExp>> = {
  _partition: /^U?Int(?:16|32|64)$/,
  _offset: /^U?Int64$/,
  _kafka_ts: /^DateTime64/,
  _loaded_at: /^DateTime/,
  _deleted: /^Bool$/,
};
/** What to declare instead of Postgres names that ClickHouse does not know. */
const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/^(?:timestamptz|timestamp with time zone)/i, "DateTime64(3, 'UTC')"],
  [/^jsonb$/i, 'JSON, or String'],
  [/^double$/i, 'Float64'],
  [/\[\]$/, 'Array(…)'],
];

/** A column of the table. */
interface Existing {
  readonly type: string;
  readonly kind: string;
}

/** @returns messages for the problems; empty if there are none */
export async function tableProblems(lease: LeasedSession, target: LoadTarget): Promise<string[]> {
  const { schema, identifier } = target;
  const table = `${schema}.${identifier}`;
  const where = `database = ${quoteText(schema)} AND`;
  const [found] = await lease.ask(
    `SELECT engine, sorting_key, engine_full FROM system.tables WHERE ${where} name = ${quoteText(identifier)}`,
  );
  if (found === undefined)
    return [
      ...(await typeProblems(lease, target, new Map())),
      ...(await privilegeProblems(lease, target, ['CREATE TABLE'])),
    ];
  const [engine, order, definition] = found;
  // guards.ts reports it.
  if (!/MergeTree$/.test(engine ?? '')) return [];
  const existing = new Map(
    (
      await lease.ask(
        `SELECT name, type, default_kind FROM system.columns WHERE ${where} table = ${quoteText(identifier)}`,
      )
    ).map(([name, type, kind]) => [name ?? '', { type: type ?? '', kind: kind ?? '' }]),
  );
  const missing = [
    ...META_COLUMNS.map(({ name }) => name),
    ...(target.rest === null ? [] : [target.rest]),
    ...target.columns.map(({ name }) => name),
  ].filter((name) => !existing.has(name));
  return [
    ...engineProblems(target, { table, engine: engine ?? '', order: order ?? '', definition: definition ?? '' }),
    ...(await typeProblems(lease, target, existing)),
    ...ownColumnProblems(target, table, existing),
    ...(await privilegeProblems(lease, target, [
      'SELECT',
      'INSERT',
      ...(missing.length === 0 ? [] : ['ALTER ADD COLUMN']),
    ])),
  ];
}

/** The columns of the table with a DEFAULT. */
export async function filledColumns(lease: LeasedSession, { schema, identifier }: LoadTarget): Promise<string[]> {
  const rows = await lease.ask(
    `SELECT name FROM system.columns WHERE database = ${quoteText(schema)} AND table = ${quoteText(identifier)} AND ` +
      "default_kind = 'DEFAULT'",
  );
  return rows.map(([name]) => name ?? '');
}

function engineProblems(
  target: LoadTarget,
  { table, engine, order, definition }: { table: string; engine: string; order: string; definition: string },
): string[] {
  const { mode, key } = target;
  if (mode === 'append') {
    return /^(?:Replicated|Shared)?MergeTree$/.test(engine)
      ? []
      : [
          `${table} has the engine ${engine}, which drops or sums rows of one order, and mode 'append' keeps ` +
            'all of them',
        ];
  }
  if (!/ReplacingMergeTree$/.test(engine))
    return [
      `${table} has the engine ${engine}, and mode 'upsert' needs ` +
        `ReplacingMergeTree(${versionColumn(target)}, _deleted)`,
    ];
  const problems: string[] = [];
  const columns = expressions(order).map(bare);
  if (columns.length !== key.length || !key.every((name) => columns.includes(name)))
    problems.push(
      `${table} is ordered by (${columns.join(', ')}) and the key is (${key.join(', ')}): rows are replaced by the ` +
        'whole order. Make the table anew with that order, or name its columns as the key',
    );
  const own = /ReplacingMergeTree\((.*?)\) (?:PARTITION|PRIMARY|ORDER)/s.exec(definition)?.[1] ?? '';
  const [version, deleted] = expressions(own)
    .filter((argument) => !argument.startsWith("'"))
    .map(bare);
  if (version !== versionColumn(target) || deleted !== '_deleted')
    problems.push(
      `${table} tells versions by (${own}), and the loader by (${versionColumn(target)}, _deleted): make it anew ` +
        'with the engine ReplacingMergeTree of these',
    );
  return problems;
}

/** Problems of declared types, alone and compared to the table's. */
async function typeProblems(
  lease: LeasedSession,
  target: LoadTarget,
  existing: ReadonlyMap<string, Existing>,
): Promise<string[]> {
  const problems: string[] = [];
  const table = `${target.schema}.${target.identifier}`;
  const ordered = new Set(existing.size > 0 ? [] : orderOf(target).map(bare));
  for (const column of target.columns) {
    const { name, untyped } = column;
    const written = columnType(target, column);
    const what = `column '${name}' is declared as ${written}`;
    const resolved = await resolve(lease, written);
    const found = existing.get(name);
    if (resolved === null) {
      const instead = INSTEAD.find(([pattern]) => pattern.test(written.trim()))?.[1];
      problems.push(`${what}, which is no type of this database${instead === undefined ? '' : `: declare ${instead}`}`);
      continue;
    }
    if (!canWrite(found?.type ?? resolved))
      problems.push(`column '${name}' is ${found?.type ?? resolved}, which the loader cannot write`);
    else if (found !== undefined && untyped !== true && comparedType(found.type) !== comparedType(resolved))
      problems.push(`${what}, and ${table} has ${found.type}: declare ${found.type}, or change the table`);
    if (found !== undefined && ['MATERIALIZED', 'ALIAS', 'EPHEMERAL'].includes(found.kind))
      problems.push(
        `column '${name}' of ${table} is computed by the database and cannot be loaded: ` +
          "take it out of the source's columns",
      );
    if (ordered.has(name) && parseType(resolved).nullable && target.storage?.settings['allow_nullable_key'] !== '1')
      problems.push(`${what}, and the table is ordered by it: declare it without Nullable`);
  }
  return problems;
}

/** The type as the server writes it; null: no type has this name. */
async function resolve(lease: LeasedSession, type: string): Promise<string | null> {
  try {
    const [row] = await lease.ask(`SELECT toTypeName(defaultValueOfTypeName(${quoteText(type)}))`);
    return row?.[0] ?? null;
  } catch (error) {
    // A type without a default value, such as an aggregate function's state, is used as written.
    if (error instanceof TsdbtError && error.kind === 'database')
      return /^\s*\w*(?:Aggregate|Variant|Dynamic)/.test(type) ? type : null;
    throw error;
  }
}

/** The loader's columns in a table that another program created. */
function ownColumnProblems(target: LoadTarget, table: string, existing: ReadonlyMap<string, Existing>): string[] {
  const problems: string[] = [];
  for (const { name } of META_COLUMNS) {
    const type = existing.get(name)?.type;
    const plain = type === undefined ? null : comparedType(type);
    if (plain !== null && !(META_TYPES[name] ?? /^String$/).test(plain))
      problems.push(`column '${name}' of ${table} is ${type}, in which the loader cannot keep what it means`);
  }
  const rest = target.rest === null ? undefined : existing.get(target.rest)?.type;
  if (rest !== undefined && !TEXT_TYPES.includes(rest))
    problems.push(
      `column '${target.rest}' of ${table} is ${rest}, and other fields are kept as a text of JSON: make it ` +
        "String, or choose another 'rest'",
    );
  return problems;
}

/** Privileges that the user lacks, if the server can report them. */
async function privilegeProblems(
  lease: LeasedSession,
  target: LoadTarget,
  privileges: readonly string[],
): Promise<string[]> {
  const problems: string[] = [];
  const asked = [
    ...privileges.map((privilege) => [privilege, tableName(target)] as const),
    ...['SELECT', 'INSERT', 'CREATE TABLE'].map(
      (privilege) => [privilege, `${quoteIdentifier(STATE_DATABASE)}.*`] as const,
    ),
  ];
  for (const [privilege, on] of asked) {
    try {
      const [row] = await lease.ask(`CHECK GRANT ${privilege} ON ${on}`);
      if (row?.[0] === '0') problems.push(`the user may not ${privilege} on ${on}: GRANT ${privilege} ON ${on} TO …`);
    } catch (error) {
      // Older servers do not know the statement.
      if (!(error instanceof TsdbtError) || error.kind !== 'database') throw error;
      return problems;
    }
  }
  return problems;
}
