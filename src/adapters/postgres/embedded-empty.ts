// Empty tables in an embedded Postgres. Everything happens in one transaction, which is never committed.
import type { TsdbtError } from '../../errors.ts';
import type { Session } from '../adapter.ts';
import type { OpenEmptyDatabase, UnknownKeys, Verdict } from '../empty-relations.ts';
import { createPostgresAdapter } from './create.ts';
import { quoteIdentifier, quoteText } from './literal.ts';
import { mayBeJoined } from './statements.ts';

/** SQLSTATEs of errors that do not depend on rows, settings or what else exists in the database. */
const MISTAKES = new Set(
  '22P02 42601 42611 42701 42702 42703 42712 42803 42804 42809 42846 42883 42P01 42P09 42P10 42P18 42P19 42P20'.split(
    ' ',
  ),
);
/** Those about names and numbers of columns. */
const BY_COLUMNS = new Set(['42601', '42611', '42701', '42703', '42804', '42P10']);
/** Columns of tables that views do not have. */
const SYSTEM_COLUMNS = /^column (?:\w+\.)?"?(?:ctid|xmin|xmax|cmin|cmax|tableoid)"? does not exist/;
/** Extensions whose operators or overloads apply to built-in types, and those with common types. */
const EXTENSIONS = 'btree_gist citext cube earthdistance fuzzystrmatch hstore intarray ltree pg_trgm pgcrypto unaccent';

export const openEmptyDatabase: OpenEmptyDatabase = async ({ profile, folder, projectDir, quoting }) => {
  const { type, database, schema, search_path } = profile.credentials;
  const credentials = { type, database, schema, search_path, embedded: folder, host: 'localhost', user: 'tsdbt' };
  const adapter = createPostgresAdapter(
    { ...profile, credentials: { ...credentials, port: 0, password: '' }, cloned_file: null },
    { quoting, threads: 1, projectDir },
  );
  let extended = false;
  const extend = async (session: Session): Promise<boolean> => {
    if (extended) return false;
    extended = true;
    for (const name of [...EXTENSIONS.split(' '), '"uuid-ossp"'])
      await session.attempt(`create extension if not exists ${name}`);
    return true;
  };
  return {
    adapter,
    foldsNames: true,
    createSchema: (name) => `create schema if not exists ${quoteIdentifier(name)}`,
    createTable: (relation, columns) =>
      `create table ${relation} (${columns.map(({ name, type: of }) => `${name} ${of}`).join(', ')})`,
    createAs,
    createMany: (relations) =>
      relations.every(({ query }) => !query.includes(';') && mayBeJoined(query))
        ? relations.map(({ name, query }) => createAs(name, query)).join(';\n')
        : null,
    createLike: (relation, columns) =>
      createAs(relation, `select ${columns.map(({ name, type: of }) => `null::${of} as ${name}`).join(', ')}`),
    dropSchema: (name) => `drop schema if exists ${quoteIdentifier(name)} cascade`,
    columnsSql: (schemas) =>
      'select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a ' +
      'join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace ' +
      `where a.attnum > 0 and c.relkind in ('r', 'v') and n.nspname in (${schemas.map(quoteText).join(', ')}) ` +
      'order by c.oid, a.attnum',
    judge: (session, error, keys) => judge(session, error, keys, extend),
    refuses: (sql) => (isSlowToScan(sql) ? 'it has too many signs in a row' : null),
    close: () => adapter.close(),
  };
};

/** Steps of the server's scanner in a row of signs, which no timeout interrupts: about half a second. */
const MOST_STEPS = 10 ** 8;

/** The scanner tries each rest of a row of signs, such as `/*` repeated, as an operator. */
function isSlowToScan(sql: string): boolean {
  const rows = sql.match(/[~!@#^&|`?+\-*/%<>=]{1000,}/g) ?? [];
  return rows.reduce((steps, { length }) => steps + length ** 2, 0) > MOST_STEPS;
}

/** The query is in the same parentheses as in a materialization. */
function createAs(relation: string, query: string): string {
  return `create view ${relation} as (\n${query}\n)`;
}

async function judge(
  session: Session,
  error: TsdbtError,
  keys: UnknownKeys,
  extend: (session: Session) => Promise<boolean>,
): Promise<Verdict> {
  const { code = '', sql = '' } = error.details;
  const [message = ''] = error.message.split('\n');
  const unknown = (reason: string): Verdict => ({ kind: 'unknown', reason });
  if (!MISTAKES.has(code)) {
    if (/^(?:42704|3F000)$/.test(code) && (await extend(session)) && (await session.attempt(sql, true)) === null)
      return unknown('it needs an extension');
    return unknown(message);
  }
  if (code === '42P01') {
    const [, name] = /^relation "(.*)" does not exist$/.exec(message) ?? [];
    return name === undefined ? { kind: 'mistake', byColumns: false } : { kind: 'relation', name };
  }
  if (SYSTEM_COLUMNS.test(message)) return unknown(message);
  if (code === '42883') {
    const [, written] = /^(?:function|procedure) (.*?)\(/.exec(message) ?? [];
    if (written !== undefined && !(await isBuiltIn(session, written))) return unknown(message);
    if ((await extend(session)) && (await session.attempt(sql, true)) === null) return unknown('it needs an extension');
  }
  if (code === '42803' && (keys.missing || (await mayHaveKey(session, sql, keys.tables))))
    return unknown('it is valid if the columns in GROUP BY are a primary key');
  const byColumns = BY_COLUMNS.has(code) && !message.startsWith('syntax error');
  return { kind: 'mistake', byColumns, position: error.details.position ?? lastUse(message, sql) };
}

/** Where the statement last has the name of an error without a position. */
function lastUse(message: string, sql: string): number | undefined {
  const [, name = ''] = /^(?:column|table name) "(.*?)"/.exec(message) ?? [];
  const uses = name === '' ? [] : [...sql.matchAll(new RegExp(`(?<![\\w$])${escaped(name)}(?![\\w$])`, 'gi'))];
  const at = uses.at(-1)?.index;
  return at === undefined ? undefined : [...sql.slice(0, at)].length + 1;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

async function isBuiltIn(session: Session, written: string): Promise<boolean> {
  const name = written.replace(/^pg_catalog\./, '').replace(/^"(.*)"$/, '$1');
  const sql = `select 1 from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname = ${quoteText(name)}`;
  return (await session.execute(sql, { fetch: true })).table.rows.length > 0;
}

/** Whether a query is valid once a source has a primary key: the keys of sources are not known. */
async function mayHaveKey(session: Session, sql: string, tables: readonly string[]): Promise<boolean> {
  for (const name of tables) {
    const { table } = await session.execute(
      `select quote_ident(attname) from pg_attribute where attnum > 0 and attrelid = ${quoteText(name)}::regclass`,
      { fetch: true },
    );
    for (const { values } of table.rows) {
      const [column] = values;
      if (
        (await session.attempt(`alter table ${name} add constraint tsdbt_key primary key (${String(column)})`)) !== null
      )
        continue;
      const left = await session.attempt(sql, true);
      // The view depends on the key.
      await session.attempt(`alter table ${name} drop constraint tsdbt_key cascade`);
      if (left === null) return true;
    }
  }
  return false;
}
