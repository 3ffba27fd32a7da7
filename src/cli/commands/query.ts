// query: prints the rows of SQL with Jinja as a table, CSV or JSON, and nothing else to stdout. Compiles and reads like
// `show --inline`.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { errorOf } from '../../error-table.ts';
import { note, print } from '../../events/index.ts';
import { csvOfTable, execute, jsonOfTable, printRunEnd, printTable, type Table, withInline } from '../../index.ts';
import { readFileText } from '../../project/read-file.ts';
import { stopReason } from '../../within.ts';
import type { CommandSession } from '../command-session.ts';
import { Interrupted } from '../ending.ts';
import { loadAndParse } from './run.ts';

/** File descriptor of piped input. */
const STDIN = 0;

/** @returns true. @throws `usage` without SQL, or with both SQL and a file; errors of the query */
export async function queryCommand(asked: CommandSession): Promise<boolean> {
  const { signal, logger } = asked;
  const inline = sqlOf(asked);
  const limit = isSentAsItIs(inline) ? -1 : Number(asked.flags['limit'] ?? -1);
  // One additional row shows whether there are more. Nothing is written, so `retry` still refers to the previous run.
  const flags = {
    ...asked.flags,
    which: 'show',
    inline,
    limit: limit < 0 ? -1 : limit + 1,
    write_json: false,
    print: false,
  };
  const session: CommandSession = { ...asked, which: 'show', flags };
  const { parsed: project, selection } = withInline(await loadAndParse(session), flags.inline);
  const parsed = { ...project, files: { ...project.files, write: () => undefined } };
  const { ctx, results, interrupted } = await execute(parsed, selection, { signal });
  if (interrupted) {
    printRunEnd(ctx.log, results, stopReason(signal));
    throw new Interrupted(true);
  }
  for (const { unique_id } of results) {
    const table = ctx.tables.get(unique_id);
    if (table === undefined) continue;
    const isCut = limit >= 0 && table.rows.length > limit;
    print(logger, textOf(isCut ? table.fork(table.rows.slice(0, limit)) : table, String(asked.flags['output'])));
    if (isCut) note(logger, `There are more than ${limit} rows: --limit -1 shows all`, { level: 'warn' });
    return true;
  }
  return false;
}

function textOf(table: Table, output: string): string {
  switch (output) {
    case 'json':
      return jsonOfTable(table);
    case 'csv':
      return csvOfTable(table).replace(/\n$/, '');
    default:
      return printTable(table, { maxRows: null, maxColumns: null, maxColumnWidth: null, maxPrecision: null }).replace(
        /\n$/,
        '',
      );
  }
}

function sqlOf({ positional: [typed], flags, cwd }: CommandSession): string {
  const { file } = flags;
  if ((typed === undefined) === (typeof file !== 'string')) throw errorOf('querySource', {});
  const text = typed ?? (file === '-' ? readFileSync(STDIN, 'utf8') : readFileText(resolve(cwd, String(file))));
  const sql = withoutEnd(text);
  if (wordsOf(sql).trim() === '') throw errorOf('querySource', {});
  if (isSeveral(sql)) throw errorOf('severalQueries', {});
  return sql;
}

/** Removes trailing semicolons. */
function withoutEnd(sql: string): string {
  const end = /;\s*$/.exec(wordsOf(sql))?.index;
  return end === undefined ? sql : withoutEnd(sql.slice(0, end) + sql.slice(end + 1));
}

/** Content of a template block, such as the statement of a `call`, is not part of the query. */
const KEPT = /\{%[-+]?\s*end(?:call|filter|macro|set)\b/;
/** Strings in which a backslash escapes a quote: ClickHouse's, and Postgres' `E'…'`. */
const ESCAPED = /'(?:[^'\\]|\\[\s\S])*'/g;

/**
 * Whether another statement follows a semicolon. The databases treat a backslash in a string differently: text that is
 * a single query for either of them is accepted.
 */
function isSeveral(sql: string): boolean {
  return !KEPT.test(sql) && [sql, sql.replace(ESCAPED, '0')].every((each) => /;\s*[^\s;]/.test(wordsOf(each)));
}

/** Parts without words of the query: comments, strings, quoted names, and Jinja, which represents one word. */
const NO_WORDS = new RegExp(
  [
    /--[^\n]*|\/\*[\s\S]*?\*\//,
    /'[^']*'|"[^"]*"|`[^`]*`|\$(\w*)\$[\s\S]*?\$\1\$/,
    /\{#[\s\S]*?(?:#\}|$)|\{%[\s\S]*?(?:%\}|$)|\{\{[\s\S]*?(?:\}\}|$)/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/** The words of a query, each in its place. */
function wordsOf(sql: string): string {
  return sql.replace(NO_WORDS, (part) =>
    /^(?:--|\/\*|\{#)/.test(part) ? ' '.repeat(part.length) : ` ${'0'.repeat(part.length - 2)} `,
  );
}

/** Statements that return rows without a LIMIT clause; after EXPLAIN it would apply to the explained query. */
const TAKES_NO_LIMIT = /^[\s(]*(?:show|explain|desc|describe|exists|check|call)\b/i;

/**
 * Whether a query is sent unchanged: it has a LIMIT, or is not a SELECT, so that another LIMIT would be a syntax
 * error. ClickHouse's LIMIT … BY is a different clause.
 */
function isSentAsItIs(sql: string): boolean {
  let words = wordsOf(sql);
  if (TAKES_NO_LIMIT.test(words)) return true;
  for (let before = ''; before !== words; ) {
    before = words;
    words = words.replace(/\([^()]*\)/g, ' 0 ');
  }
  const plain = words.replace(/\blimit\s+\w+(?:\s*(?:,|\boffset\b)\s*\w+)?\s+by\b/gi, ' ');
  return /\blimit\s+(?:\d|all\b|null\b)|\bfetch\s+(?:first|next)\b/i.test(plain);
}
