// Column lineage of ClickHouse queries. The engine parses them (EXPLAIN QUERY TREE without its passes, which needs no
// tables and executes nothing), and what names mean is resolved here.
import { withinLimits } from '../analysis-limits.ts';
import {
  type DialectNames,
  type LineageDialect,
  type Parents,
  type ParsingEngine,
  type QueryLineage,
  unknownQuery,
} from '../column-lineage.ts';
import { outputColumn, usesOf } from '../flow.ts';
import { type Masks, NO_MASKS } from '../masks.ts';
import { relationTables } from '../relation-tables.ts';
import { EngineFunctions } from './clickhouse-engine.ts';
import { UNNAMED } from './output-columns.ts';
import { readTree, UnreadableTree } from './query-tree.ts';
import { preparedQuery } from './statement-text.ts';
import { TreeQuery } from './tree-query.ts';

export const CLICKHOUSE_NAMES: DialectNames = { relationKeys, foldsNames: false };

export async function clickhouseLineage(engine: ParsingEngine, masks: Masks = NO_MASKS): Promise<LineageDialect> {
  const functions = await EngineFunctions.read(engine);
  return {
    ...CLICKHOUSE_NAMES,
    columns: (sql, parents) => queryLineage(sql, parents, engine, functions, masks),
    tokens: (sql) => engine.tokens(sql),
    returnsOneValue: (name) => functions.returnsOneValue(name),
    aliases: 'everywhere',
    close: () => engine.close(),
  };
}

async function queryLineage(
  sql: string,
  parents: Parents,
  engine: ParsingEngine,
  functions: EngineFunctions,
  masks: Masks,
): Promise<QueryLineage> {
  const query = preparedQuery(sql, engine.tokens(sql));
  if (typeof query === 'string') return unknownQuery(query);
  const { nameOf, columnLists } = query;
  let text: string;
  try {
    text = await engine.ask(`EXPLAIN QUERY TREE run_passes = 0\n${query.sql}`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return unknownQuery(`the SQL cannot be parsed: ${parseErrorOf(error.message, sql.slice(0, query.start))}`);
  }
  try {
    return withinLimits(() => {
      const tree = readTree(text, nameOf);
      const analysis = new TreeQuery({ functions, masks, nameOf, columnLists, relation: relationTables(parents) });
      const { columns, rows, unlisted } = analysis.table(tree, null, false);
      const named = columns.filter(({ name }) => name !== UNNAMED);
      const unnamed = columns.find(({ name }) => name === UNNAMED)?.flow.reason ?? unlisted;
      const outputs = named.map(({ name, flow }) => outputColumn(name, flow, rows, masks));
      return { columns: [...outputs, ...(unnamed === null ? [] : unknownQuery(unnamed).columns)], uses: usesOf(rows) };
    });
  } catch (error) {
    if (error instanceof UnreadableTree)
      return unknownQuery(`the tree of the SQL has an unknown form: ${error.message}`);
    throw error;
  }
}

/** The place in the model's SQL. @param before what was left out in front of the statement */
function parseErrorOf(message: string, before: string): string {
  const [, found, line, column] = /failed at position \d+ \((.*?)\) \(line (\d+), col (\d+)\)/.exec(message) ?? [];
  if (found === undefined) return message.slice(0, 300);
  const left = before.split('\n');
  // The statement begins at the second line.
  const at = Number(line) - 2 + left.length;
  const shift = Number(line) === 2 ? (left.at(-1) ?? '').length : 0;
  return `found ${found} at line ${at}, column ${Number(column) + shift}`;
}

function relationKeys(name: string): string[] {
  const parts = [...name.matchAll(/`((?:[^`\\]|\\.|``)*)`|"((?:[^"\\]|\\.|"")*)"|(?:\\.|[^`".\s\\])+/g)].map(
    ([plain, back, double]) =>
      (back ?? double ?? plain).replaceAll('``', '`').replaceAll('""', '"').replace(/\\(.)/g, '$1'),
  );
  return [JSON.stringify(parts)];
}
