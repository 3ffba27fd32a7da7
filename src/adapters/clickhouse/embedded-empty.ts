// Empty tables in an embedded ClickHouse, in a temporary folder, which is removed with it.
import { errorOf } from '../../error-table.ts';
import type { TsdbtError } from '../../errors.ts';
import type { EmptyDatabase, OpenEmptyDatabase, TableKey, TypedColumn, Verdict } from '../empty-relations.ts';
import { createClickHouseAdapter } from './create.ts';
import { findChdb, stopEmbedded } from './embedded.ts';
import { embeddedFolder } from './embedded-folder.ts';
import { quoteIdentifier, quoteText } from './literal.ts';
import { mistakePosition } from './mistake-position.ts';
import { certainTokens, tokensOf, UncertainSql } from './sql-tokens.ts';

/** Codes of errors that do not depend on rows, settings or what else exists on the server. */
const MISTAKES = new Set('10 42 43 47 53 59 60 62 179 184 207 215 258 352 386'.split(' '));
/** Those about names and numbers of columns. */
const BY_COLUMNS = new Set('10 47 53 179 207 258 352 386'.split(' '));
/** Table functions that read neither files nor other servers. */
const PURE = new Set('null numbers numbers_mt values view zeros zeros_mt generate_series generateSeries'.split(' '));
/** Words before a parenthesis after FROM or JOIN that are not functions. */
const FROM = /^(?:from|join)$/i;

export const openEmptyDatabase: OpenEmptyDatabase = async ({ profile, projectDir, quoting }) => {
  try {
    findChdb(projectDir);
  } catch {
    throw errorOf('lineageParserMissing', { package: 'chdb' });
  }
  const folder = embeddedFolder('check');
  const { dir } = folder;
  const { type, database, schema, custom_settings, connect_timeout } = profile.credentials;
  const credentials = {
    ...{ type, database, schema, custom_settings, connect_timeout, path: dir, database_engine: 'Memory' },
    ...{ host: 'localhost', user: 'default', password: '', retries: 0, check_exchange: false },
  };
  const adapter = createClickHouseAdapter(
    { ...profile, credentials, cloned_file: null },
    { quoting, threads: 1, projectDir },
  );
  return {
    adapter,
    foldsNames: false,
    createSchema: (name) => `create database if not exists ${quoteIdentifier(name)} engine = Memory`,
    createTable,
    createAs,
    createMany: ([first, ...others]) =>
      first !== undefined && [first, ...others].every(({ query, unread }) => unread && isWhole(query))
        ? createAs(first.name, [first, ...others].map(({ query }) => `(\n${query}\n)`).join(' union all '))
        : null,
    createLike: createTable,
    createKeyed,
    dropSchema: (name) => `drop database if exists ${quoteIdentifier(name)} sync`,
    columnsSql: (schemas) =>
      'select database, table, name, type from system.columns ' +
      `where database in (${schemas.map(quoteText).join(', ')}) order by database, table, position`,
    judge: async (session, error) => {
      const verdict = judge(error);
      return verdict.kind === 'mistake' ? { ...verdict, position: await mistakePosition(session, error) } : verdict;
    },
    refuses,
    close: async () => {
      await adapter.close();
      await stopEmbedded(dir);
      folder.remove();
    },
  } satisfies EmptyDatabase;
};

function createTable(relation: string, columns: readonly TypedColumn[]): string {
  return `create table ${relation} (${columns.map(({ name, type: of }) => `${name} ${of}`).join(', ')}) engine = Null`;
}

function createAs(relation: string, query: string): string {
  return `create table ${relation} engine = Null empty as (\n${query}\n)`;
}

/** An expression that could end before its parenthesis, or that reads a query, is not checked. */
function createKeyed(relation: string, like: string, { setting, expression, engine }: TableKey): string | null {
  if (engine?.includes('MergeTree') === false) return null;
  const tokens = certainTokens(expression);
  let depth = 0;
  for (const { kind, value } of tokens ?? []) {
    if (kind === 'sign') depth += value === '(' ? 1 : value === ')' ? -1 : 0;
    if (depth < 0 || (kind === 'sign' && value === ';') || /^select$/i.test(value)) return null;
  }
  if (tokens === null || depth !== 0) return null;
  const keys =
    setting === 'partition_by' ? `partition by (${expression}\n) order by tuple()` : `order by (${expression}\n)`;
  return `create table ${relation} as ${like} engine = MergeTree ${keys}`;
}

/** Whether no text or comment of the query can continue in the one after it. */
function isWhole(query: string): boolean {
  return !query.includes(';') && certainTokens(query) !== null;
}

function judge(error: TsdbtError): Verdict {
  const { code = '' } = error.details;
  const { message } = error;
  const unknown: Verdict = { kind: 'unknown', reason: message.split('\n')[0] ?? '' };
  if (!MISTAKES.has(code) && !/Tuple doesn't have element/.test(message)) return unknown;
  if (code === '60') {
    const [, name] = /table expression identifier '(.*?)'/.exec(message) ?? [];
    return name === undefined ? unknown : { kind: 'relation', name };
  }
  // Virtual columns, which tables of some engines have.
  if (code === '47' && /identifier [`'](?:[^`']*\.)?_[^`']*[`']/.test(message)) return unknown;
  return { kind: 'mistake', byColumns: BY_COLUMNS.has(code) };
}

/** The engine would call a table function to learn its columns. */
function refuses(query: string): string | null {
  try {
    let [before, last] = ['', ''];
    for (const { kind, value } of tokensOf(query)) {
      if (kind === 'sign' && value === '(' && FROM.test(before) && /^\w+$/.test(last) && !PURE.has(last))
        return `it reads the table function ${last}`;
      [before, last] = [last, kind === 'text' ? '' : value];
    }
  } catch (error) {
    if (error instanceof UncertainSql) return 'it cannot be split into words';
    throw error;
  }
  return null;
}
