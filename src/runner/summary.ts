// The end of a run for users: counts, errors and warnings with their messages, and the last line.
import { printTable } from '../adapters/table-print.ts';
import type { Table } from '../adapters/table.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { FreshnessStatus, RunResult } from '../contracts/results.ts';
import { pluralize } from '../log.ts';
import type { RunLog } from './log.ts';

/** dbt's names of resource types in counts. */
function resourceWord(type: string): string {
  switch (type) {
    case 'test':
      return 'data test';
    case 'sql_operation':
      return 'sql operation';
    default:
      return type.replaceAll('_', ' ');
  }
}

function plural(count: number, word: string): string {
  if (count === 1) return word === 'data test' ? '1 test' : `1 ${word}`;
  if (word.endsWith('analysis')) return `${count} ${word.slice(0, -8)}analyses`;
  if (word === 'saved query') return `${count} saved queries`;
  return pluralize(count, word);
}

/** `2 view models, 1 seed`: what the run did, by kind. */
export function runCounts(nodes: readonly GraphNode[]): string {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const key =
      node.resource_type === 'model'
        ? `${node.config.materialized} model`
        : node.resource_type === 'operation'
          ? 'project hook'
          : node.resource_type;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, n]) => plural(n, resourceWord(key)).replaceAll('_', ' '))
    .join(', ');
}

/** `Found 20 models, 5 seeds, …`: what the project contains, in dbt's order. */
export function foundCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .filter(([, n]) => n > 0)
    .map(([type, n]) => plural(n, resourceWord(type)))
    .join(', ');
}

const FAILED: ReadonlySet<string> = new Set<RunResult['status'] | FreshnessStatus>(['error', 'fail', 'runtime error']);

/** Whether every result is a success or a warning: exit code 0. */
export function succeeded(results: readonly RunResult[]): boolean {
  return !results.some(
    (r) =>
      FAILED.has(r.status) ||
      r.status === 'partial success' ||
      (r.status === 'skipped' && r.node?.resource_type !== 'exposure'),
  );
}

/** Whether a test's query returns a single count instead of the failing rows. */
function countsRows(code: string | null, { rows, columnNames }: Table): boolean {
  return (
    rows.length === 1 &&
    columnNames.length === 1 &&
    /\bselect\s+count\s*\([^()]*\)(?:\s+(?:as\s+)?\w+)?\s+from\b(?![\s\S]*\b(?:group\s+by|having)\b)/i.test(code ?? '')
  );
}

/** Prints one result that needs attention. */
export function printResultError(
  log: RunLog,
  r: RunResult,
  options: { newline?: boolean; warning?: boolean; rows?: Table | undefined } = {},
): void {
  const warning = options.warning ?? false;
  const newline = options.newline ?? true;
  if (r.status === 'fail' || r.status === 'error' || r.status === 'runtime error' || (warning && r.status === 'warn')) {
    if (newline) log.formatting();
    log.resultHeading(r, warning);
    if (r.message) log.resultMessage(r, warning);
    else log.resultStatus(r);
    const node = r.node as
      | {
          compiled_path?: string | null;
          resource_type?: string;
          relation_name?: string | null;
          test_metadata?: unknown;
          config?: { store_failures?: boolean | null };
        }
      | undefined;
    if (node?.compiled_path) {
      log.formatting();
      log.compiledPath(node.compiled_path, r);
    }
    if (options.rows !== undefined && options.rows.rows.length > 0) {
      log.formatting();
      const grid = printTable(options.rows, { maxRows: null, maxColumns: null, maxColumnWidth: 40 }).trimEnd();
      log.firstRows(grid, warning ? 'info' : 'error');
      if (!node?.test_metadata && countsRows(r.compiled_code, options.rows))
        log.note(
          '  A test fails for each row of its query, and this query gives one row whatever it counts: select ' +
            'the rows that are wrong.',
          warning ? 'info' : 'error',
        );
    }
    if (node?.resource_type === 'test' && node.config?.store_failures && node.relation_name) {
      log.formatting();
      log.seeFailures(node.relation_name, r);
    }
  } else if (r.status === 'skipped' && r.message !== null) {
    if (newline) log.formatting('', 'debug');
    log.resultMessage(r, false, 'debug');
  } else if (r.message !== null) {
    if (newline) log.formatting();
    log.resultMessage(r, false);
  }
}

/**
 * The block after the last node: summary, each error and warning, `Done. PASS=…`.
 * @param interrupted why the command was stopped; null: it was not
 * @param tables first rows of failed tests, by unique_id
 * @param stopped true: an error that ends the command follows and is reported separately
 */
export function printRunEnd(
  log: RunLog,
  results: readonly RunResult[],
  interrupted: string | null = null,
  tables: ReadonlyMap<string, Table> = new Map(),
  stopped = false,
): void {
  const errors: RunResult[] = [];
  const warnings: RunResult[] = [];
  let partial = 0;
  for (const r of results) {
    if (FAILED.has(r.status)) errors.push(r);
    else if (r.status === 'skipped' && r.message) {
      if (r.node?.resource_type !== 'exposure') errors.push(r);
    } else if (r.status === 'warn') warnings.push(r);
    else if (r.status === 'partial success') partial++;
  }
  log.formatting();
  if (!stopped) log.endOfRun(errors.length, warnings.length, partial, interrupted);
  for (const r of errors) printResultError(log, r, { rows: tables.get(r.unique_id) });
  for (const r of warnings) printResultError(log, r, { warning: true, rows: tables.get(r.unique_id) });
  printStats(log, results, stopped);
}

/** @param stopped true: counts the error that ends the command, although it is not a node's result */
function printStats(log: RunLog, results: readonly RunResult[], stopped: boolean): void {
  const more = stopped ? 1 : 0;
  const stats = { pass: 0, warn: 0, error: more, skip: 0, noop: 0, reused: 0, total: results.length + more };
  for (const r of results) {
    switch (r.status) {
      case 'error':
      case 'fail':
      case 'partial success':
      case 'runtime error':
        stats.error++;
        break;
      case 'skipped':
        stats.skip++;
        break;
      case 'warn':
        stats.warn++;
        break;
      case 'pass':
      case 'success':
        stats.pass++;
        break;
      case 'no-op':
        stats.noop++;
        break;
      case 'reused':
        stats.reused++;
        break;
      default:
        r.status satisfies never;
    }
  }
  log.formatting();
  log.statsLine(stats);
}
