// Column lineage of Postgres queries: libpg-query, the server's own grammar, parses them.
import { createRequire } from 'node:module';
import { QUERY_MS, withinLimits } from '../analysis-limits.ts';
import { withinCpu } from '../../values/cpu-limit.ts';
import {
  type DialectNames,
  type LineageDialect,
  type Parents,
  type QueryLineage,
  type SqlToken,
  unknownQuery,
} from '../column-lineage.ts';
import { outputColumn, usesOf } from '../flow.ts';
import { type Masks, NO_MASKS } from '../masks.ts';
import { relationTables } from '../relation-tables.ts';
import { returnsOneValue } from './known-functions.ts';
import { selectQuery } from './select-query.ts';
import type { PgNode } from './syntax-tree.ts';

/** The subset of libpg-query that is used. */
interface PgParser {
  loadModule(): Promise<void>;
  scanSync(sql: string): {
    readonly tokens: readonly { readonly start: number; readonly end: number; readonly tokenName: string }[];
  };
  parseSync(sql: string): { readonly stmts?: readonly { readonly stmt?: PgNode }[] };
}

export const POSTGRES_NAMES: DialectNames = { relationKeys, foldsNames: true };

/** @returns null if libpg-query is not installed */
export async function postgresLineage(masks: Masks = NO_MASKS): Promise<LineageDialect | null> {
  let parser: PgParser;
  try {
    parser = createRequire(import.meta.url)('libpg-query');
  } catch {
    return null;
  }
  await parser.loadModule();
  return {
    ...POSTGRES_NAMES,
    columns: async (sql, parents) => queryLineage(parser, sql, parents, masks),
    tokens: (sql) => tokensOf(parser, sql),
    returnsOneValue,
    aliases: 'keys',
    close: async () => undefined,
  };
}

function queryLineage(parser: PgParser, sql: string, parents: Parents, masks: Masks): QueryLineage {
  if (sql.trim() === '') return unknownQuery('the SQL is empty');
  return withinLimits(() => {
    let statements: readonly { readonly stmt?: PgNode }[];
    try {
      statements = parser.parseSync(sql).stmts ?? [];
    } catch (error) {
      if (!(error instanceof Error) || error instanceof RangeError) throw error;
      return unknownQuery(`the SQL cannot be parsed: ${error.message}${placeOf(error, sql)}`);
    }
    const select = statements[0]?.stmt?.SelectStmt;
    if (select === undefined || statements.length > 1)
      return unknownQuery(
        statements.length > 1 ? `the SQL is ${statements.length} statements` : 'the SQL is not a SELECT',
      );
    const { columns, rows, unlisted } = selectQuery(select, relationTables(parents), masks);
    const outputs = columns.map(({ name, flow }) => outputColumn(name, flow, rows, masks));
    const star = unlisted === null ? [] : unknownQuery(unlisted).columns;
    return { columns: [...outputs, ...star], uses: usesOf(rows) };
  });
}

/** The parser counts bytes. */
function tokensOf(parser: PgParser, sql: string): SqlToken[] | null {
  const bytes = Buffer.from(sql);
  let tokens: ReturnType<PgParser['scanSync']>['tokens'];
  try {
    ({ tokens } = withinCpu(QUERY_MS, () => parser.scanSync(sql)));
  } catch {
    return null;
  }
  let [at, byte] = [0, 0];
  const indexOf = (offset: number): number => {
    at += bytes.length === sql.length ? offset - byte : bytes.toString('utf8', byte, offset).length;
    byte = offset;
    return at;
  };
  return tokens.flatMap(({ start: first, end: last, tokenName }): SqlToken[] => {
    const [start, end] = [indexOf(first), indexOf(last)];
    const text = sql.slice(start, end);
    if (/_COMMENT$/.test(tokenName)) return [];
    if (/^"/.test(text)) return [{ kind: 'name', value: text.slice(1, -1).replaceAll('""', '"'), start, end }];
    if (/['"]|^\$/.test(text)) return [{ kind: 'text', value: text, start, end }];
    return [
      { kind: /^[\w$]|^\.\d/.test(text) || text > '\x7f' ? 'word' : 'sign', value: text.toLowerCase(), start, end },
    ];
  });
}

/** The place of a syntax error. The parser counts characters. */
function placeOf(error: Error, sql: string): string {
  const at = 'sqlDetails' in error && isPlaced(error.sqlDetails) ? error.sqlDetails.cursorPosition : null;
  if (at === null) return '';
  const before = [...sql].slice(0, at).join('').split('\n');
  return `, line ${before.length}, column ${[...(before.at(-1) ?? '')].length + 1}`;
}

function isPlaced(details: unknown): details is { readonly cursorPosition: number } {
  return typeof details === 'object' && details !== null && 'cursorPosition' in details;
}

/** The full name, and the name without the database. */
function relationKeys(name: string): string[] {
  const parts = [...name.matchAll(/"((?:[^"]|"")*)"|[^".\s]+/g)].map(([plain, quoted]) =>
    quoted === undefined ? plain.toLowerCase() : quoted.replaceAll('""', '"'),
  );
  return [parts, ...(parts.length === 3 ? [parts.slice(1)] : [])].map((path) => JSON.stringify(path));
}
