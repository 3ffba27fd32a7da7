// Column lineage of Postgres queries: libpg-query, the server's own grammar, parses them.
import { createRequire } from 'node:module';
import {
  type LineageDialect,
  type ParentRelation,
  type Parents,
  type QueryLineage,
  unknownQuery,
} from '../column-lineage.ts';
import { type Flow, NOTHING, outputColumn, PLAIN, usesOf } from '../flow.ts';
import { type FlowColumn, FlowTable, type MoreColumns } from '../query-scope.ts';
import { selectQuery } from './select-query.ts';
import type { PgNode } from './syntax-tree.ts';

/** The subset of libpg-query that is used. */
interface PgParser {
  loadModule(): Promise<void>;
  parseSync(sql: string): { readonly stmts?: readonly { readonly stmt?: PgNode }[] };
}

/** @returns null if libpg-query is not installed */
export async function postgresLineage(): Promise<LineageDialect | null> {
  let parser: PgParser;
  try {
    parser = createRequire(import.meta.url)('libpg-query');
  } catch {
    return null;
  }
  await parser.loadModule();
  return { columns: (sql, parents) => queryLineage(parser, sql, parents), relationKeys };
}

function queryLineage(parser: PgParser, sql: string, parents: Parents): QueryLineage {
  if (sql.trim() === '') return unknownQuery('the SQL is empty');
  let statements: readonly { readonly stmt?: PgNode }[];
  try {
    statements = parser.parseSync(sql).stmts ?? [];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return unknownQuery(`the SQL cannot be parsed: ${error.message}${placeOf(error, sql)}`);
  }
  const select = statements[0]?.stmt?.SelectStmt;
  if (select === undefined || statements.length > 1)
    return unknownQuery(
      statements.length > 1 ? `the SQL is ${statements.length} statements` : 'the SQL is not a SELECT',
    );
  try {
    const { columns, rows, unlisted } = selectQuery(select, relations(parents));
    const outputs = columns.map(({ name, flow }) => outputColumn(name, flow, rows));
    const star = unlisted === null ? [] : unknownQuery(unlisted).columns;
    return { columns: [...outputs, ...star], uses: usesOf(rows) };
  } catch (error) {
    if (error instanceof RangeError) return unknownQuery('the SQL is nested too deeply');
    throw error;
  }
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

/** Each relation is one table per query, so that its columns are the same objects. */
function relations(parents: Parents): (path: readonly string[]) => FlowTable {
  const tables = new Map<string, FlowTable>();
  return (path) => {
    const key = JSON.stringify(path);
    const parent = parents(key);
    const node = parent?.node ?? path.join('.');
    let table = tables.get(node);
    if (table === undefined) {
      table = relationTable(parent ?? { node, columns: [], completeness: 'unknown' });
      tables.set(node, table);
    }
    return table;
  };
}

function relationTable({ node, columns, completeness }: ParentRelation): FlowTable {
  const flows = new Map<string, Flow>();
  const get = (column: string): Flow => {
    let flow = flows.get(column);
    if (flow === undefined) {
      flow = { ...NOTHING, sources: new Map([[{ node, column }, PLAIN]]) };
      flows.set(column, flow);
    }
    return flow;
  };
  const listed = columns.map((name): FlowColumn => ({ name, flow: get(name) }));
  const unlisted = completeness === 'unknown' ? `the columns of ${node} are not known` : null;
  const more: MoreColumns[] = completeness === 'complete' ? [] : [{ of: node, get, unlisted }];
  return new FlowTable(listed, more, NOTHING, completeness === 'unknown' ? 0 : columns.length);
}

/** The full name, and the name without the database. */
function relationKeys(name: string): string[] {
  const parts = [...name.matchAll(/"((?:[^"]|"")*)"|[^".\s]+/g)].map(([plain, quoted]) =>
    quoted === undefined ? plain.toLowerCase() : quoted.replaceAll('""', '"'),
  );
  return [parts, ...(parts.length === 3 ? [parts.slice(1)] : [])].map((path) => JSON.stringify(path));
}
