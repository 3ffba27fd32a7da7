// Events of a run with dbt's messages (dbt/events/types.py): nodes that start, end or are skipped, and the summary.
// Texts are built from facts; the caller adds the node.
import { errorTag, green, type LogLevel, pluralize, progressLine, red, warningTag, yellow } from '../log.ts';
import { event, message } from './event.ts';

export interface Place {
  readonly index: number;
  readonly total: number;
}
export interface Described {
  readonly description: string;
}
export interface Ended {
  readonly status: string;
  /** Seconds. */
  readonly execution_time: number;
}
export interface OfNode {
  readonly unique_id: string;
}

const failure = ({ status }: { readonly status: string }): LogLevel => (status === 'error' ? 'error' : 'info');

const TEST_LEVEL: Readonly<Record<string, LogLevel>> = {
  fail: 'error',
  error: 'error',
  warn: 'warn',
  'runtime error': 'error',
};
const verdict = ({ status }: { readonly status: string }): LogLevel => TEST_LEVEL[status] ?? 'info';

function line(width: number, msg: string, status: string, place: Partial<Place> = {}, executionTime?: number): string {
  return progressLine({ width, msg, status, index: place.index, total: place.total, executionTime });
}

/** The description of a function in its result line, and its status in color. */
function created(status: string): [string, string] {
  const info = status === 'error' ? 'ERROR creating' : status === 'skipped' ? 'SKIP' : 'OK created';
  return [info, (status === 'error' ? red : status === 'skipped' ? yellow : green)(status.toUpperCase())];
}

export const RUN_EVENTS = {
  FoundStats: event<{ readonly stat_line: string }>('W006', 'info', ({ stat_line }) => `Found ${stat_line}`),
  ConcurrencyLine: event<{ readonly node_count: number; readonly num_threads: number; readonly target_name: string }>(
    'Q027',
    'info',
    ({ num_threads, target_name }) => `Concurrency: ${num_threads} threads (target='${target_name}')`,
  ),
  NothingToDo: event('Q035', 'warn', () =>
    warningTag('Nothing to do. Try checking your model configs and model specification args'),
  ),
  NoNodesSelected: event('Q038', 'warn', () => warningTag('No nodes selected!')),
  DefaultSelector: event<{ readonly name: string }>('Q023', 'info', ({ name }) => `Using default selector ${name}`),
  MicrobatchExecutionDebug: message('Q044', 'debug'),
  NodeStart: event<OfNode>('Q024', 'debug', ({ unique_id }) => `Began running node ${unique_id}`),
  NodeCompiling: event<OfNode>('Q030', 'debug', ({ unique_id }) => `Began compiling node ${unique_id}`),
  WritingInjectedSQLForNode: event<OfNode>(
    'Q029',
    'debug',
    ({ unique_id }) => `Writing injected SQL for node "${unique_id}"`,
  ),
  NodeExecuting: event<OfNode>('Q031', 'debug', ({ unique_id }) => `Began executing node ${unique_id}`),
  NodeFinished: event<OfNode>('Q025', 'debug', ({ unique_id }) => `Finished running node ${unique_id}`),
  LogStartLine: event<Described & Place>('Q011', 'info', (e, width) => line(width, `START ${e.description}`, 'RUN', e)),
  LogModelResult: event<Described & Place & Ended>('Q012', failure, (e, width) => {
    const [info, shown] =
      e.status === 'error'
        ? ['ERROR creating', red('ERROR')]
        : e.status.includes('PARTIAL SUCCESS')
          ? ['PARTIALLY created', yellow(e.status.toUpperCase())]
          : ['OK created', green(e.status)];
    return line(width, `${info} ${e.description}`, shown, e, e.execution_time);
  }),
  LogFunctionResult: event<Described & Place & Ended>('Q047', failure, (e, width) => {
    const [info, shown] = created(e.status);
    return line(width, `${info} ${e.description}`, shown, e, e.execution_time);
  }),
  LogStartOverload: event<Described & { readonly overload_index: number; readonly total_overloads: number }>(
    'Q048',
    'info',
    ({ description, overload_index: index, total_overloads: total }, width) =>
      `Overload ${line(width, `START ${description}`, 'RUN', { index, total })}`,
  ),
  LogOverloadResult: event<Described & Ended & { readonly overload_index: number; readonly total_overloads: number }>(
    'Q049',
    failure,
    ({ description, status, execution_time, overload_index: index, total_overloads: total }, width) => {
      const [info, shown] = created(status);
      return `Overload ${line(width, `${info} ${description}`, shown, { index, total }, execution_time)}`;
    },
  ),
  LogSnapshotResult: event<Described & Ended & Place & { readonly cfg: object; readonly result_message: string }>(
    'Q015',
    failure,
    (e, width) => {
      const [info, shown] =
        e.status === 'error' ? ['ERROR snapshotting', red('ERROR')] : ['OK snapshotted', green(e.result_message)];
      return line(width, `${info} ${e.description}`, shown, e, e.execution_time);
    },
  ),
  LogSeedResult: event<
    Ended & Place & { readonly schema: string; readonly relation: string; readonly result_message: string }
  >('Q016', failure, (e, width) => {
    const [info, shown] =
      e.status === 'error' ? ['ERROR loading', red('ERROR')] : ['OK loaded', green(e.result_message)];
    return line(width, `${info} seed file ${e.schema}.${e.relation}`, shown, e, e.execution_time);
  }),
  LogTestResult: event<
    Ended & {
      readonly name: string;
      readonly index: number;
      readonly num_models: number;
      readonly num_failures: number;
      readonly attached_node: string;
    }
  >('Q007', verdict, (e, width) => {
    const [info, color] =
      e.status === 'error'
        ? ['ERROR', red]
        : e.status === 'pass'
          ? ['PASS', green]
          : e.status === 'warn'
            ? [`WARN ${e.num_failures}`, yellow]
            : [`FAIL ${e.num_failures}`, red];
    const place = { index: e.index, total: e.num_models };
    return line(width, `${info} ${e.name}`, color(info), place, e.execution_time);
  }),
  LogFreshnessResult: event<Ended & Place & { readonly source_name: string; readonly table_name: string }>(
    'Q018',
    verdict,
    (e, width) => {
      const [info, color] =
        e.status === 'runtime error'
          ? ['ERROR', red]
          : e.status === 'error'
            ? ['ERROR STALE', red]
            : e.status === 'warn'
              ? ['WARN', yellow]
              : ['PASS', green];
      return line(width, `${info} freshness of ${e.source_name}.${e.table_name}`, color(info), e, e.execution_time);
    },
  ),
  LogNodeNoOpResult: event<Described & Ended & Place>('Q019', 'info', (e, width) =>
    // Nodes with `--reuse` that are reused after they were compiled.
    e.status === 'reused'
      ? line(width, `REUSED ${e.description}`, green('REUSED'), e, e.execution_time)
      : line(width, `NO-OP ${e.description}`, yellow('NO-OP'), e, e.execution_time),
  ),
  LogHookStartLine: event<Place & { readonly statement: string }>(
    'Q032',
    'info',
    ({ statement, index, total }, width) =>
      progressLine({ width, msg: `START hook: ${statement}`, status: 'RUN', index, total, truncate: true }),
  ),
  LogHookEndLine: event<Ended & Place & { readonly statement: string }>(
    'Q033',
    'info',
    ({ statement, status, index, total, execution_time: executionTime }, width) => {
      const [info, color] =
        status === 'success' ? ['OK', green] : status === 'skipped' ? ['SKIP', yellow] : ['ERROR', red];
      const msg = `${info} hook: ${statement}`;
      return progressLine({ width, msg, status: color(info), index, total, executionTime, truncate: true });
    },
  ),
  SkippingDetails: event<
    Place & { readonly resource_type: string; readonly schema: string; readonly node_name: string }
  >('Q034', 'info', (e, width) => {
    const what =
      e.resource_type === 'model' || e.resource_type === 'seed' || e.resource_type === 'snapshot'
        ? `relation ${e.schema}.${e.node_name}`
        : `${e.resource_type} ${e.node_name}`;
    return line(width, `SKIP ${what}`, yellow('SKIP'), e);
  }),
  LogSkipBecauseError: event<Place & { readonly schema: string; readonly relation: string; readonly status: string }>(
    'Z034',
    'error',
    (e, width) =>
      line(
        width,
        `SKIP relation ${e.schema}.${e.relation} due to ephemeral model status '${e.status}'`,
        red('ERROR SKIP'),
        e,
      ),
  ),
  LogStartBatch: event<Described & { readonly batch_index: number; readonly total_batches: number }>(
    'Q045',
    'info',
    ({ description, batch_index: index, total_batches: total }, width) =>
      `Batch ${line(width, `START ${description}`, 'RUN', { index, total })}`,
  ),
  LogBatchResult: event<Described & Ended & { readonly batch_index: number; readonly total_batches: number }>(
    'Q046',
    failure,
    ({ description, status, execution_time, batch_index: index, total_batches: total }, width) => {
      const [info, shown] =
        status === 'error'
          ? ['ERROR creating', red('ERROR')]
          : status === 'skipped'
            ? ['SKIP', yellow('SKIPPED')]
            : ['OK created', green(status)];
      return `Batch ${line(width, `${info} ${description}`, shown, { index, total }, execution_time)}`;
    },
  ),
  LogCancelLine: event<{ readonly conn_name: string }>('Q022', 'error', ({ conn_name }, width) =>
    line(width, `CANCEL query ${conn_name}`, red('CANCEL')),
  ),
  MarkSkippedChildren: event<{ readonly unique_id: string; readonly status: string; readonly message: string | null }>(
    'Z033',
    'debug',
    (e) =>
      `Marking all children of '${e.unique_id}' to be skipped because of status '${e.status}'. ` +
      `${e.message ? ` Reason: ${e.message}.` : ''}`,
  ),
  CatchableExceptionOnRun: event<{ readonly exc: string }>('W002', 'debug', ({ exc }) => exc),
  GenericExceptionOnRun: event<OfNode & { readonly exc: string }>('W004', 'error', ({ unique_id, exc }) =>
    errorTag(`Unhandled error while executing ${unique_id}\n${exc}`),
  ),
  RunningOperationCaughtError: event<{ readonly exc: string; readonly error_code: string }>(
    'Q001',
    'error',
    ({ exc }) => errorTag(`Encountered an error while running operation: ${exc}`),
  ),
  FinishedRunningStats: event<{
    readonly stat_line: string;
    readonly execution: string;
    readonly execution_time: number;
  }>('E047', 'info', (e) => `Finished running ${e.stat_line}${e.execution} (${e.execution_time.toFixed(2)}s).`),
  EndRunResult: event('Q037', 'debug', () => 'Command end result'),
  EndOfRunSummary: event<{
    readonly num_errors: number;
    readonly num_warnings: number;
    readonly num_partial_success: number;
    readonly keyboard_interrupt: boolean;
    /** Name of the signal, if it was not Ctrl-C. */
    readonly stopped_by?: string;
  }>('Z030', 'info', ({ num_errors, num_warnings, num_partial_success: partial, keyboard_interrupt, stopped_by }) => {
    const partials = `${partial} partial ${partial === 1 ? 'success' : 'successes'}`;
    const warnings = pluralize(num_warnings, 'warning');
    if (keyboard_interrupt) return yellow(`Exited because of ${stopped_by ?? 'keyboard interrupt'}`);
    if (num_errors > 0) return red(`Completed with ${pluralize(num_errors, 'error')}, ${partials}, and ${warnings}:`);
    if (partial > 0) return yellow(`Completed with ${partials} and ${warnings}`);
    return num_warnings > 0 ? yellow(`Completed with ${warnings}:`) : green('Completed successfully');
  }),
  StatsLine: event<{
    readonly stats: Readonly<Record<'pass' | 'warn' | 'error' | 'skip' | 'noop' | 'reused' | 'total', number>>;
  }>(
    'Z023',
    'info',
    ({ stats }) =>
      `Done. PASS=${stats.pass} WARN=${stats.warn} ERROR=${stats.error} SKIP=${stats.skip} ` +
      `NO-OP=${stats.noop} REUSED=${stats.reused} TOTAL=${stats.total}`,
  ),
  RunResultWarning: event<ResultPlace>('Z021', 'warn', (e) => warningTag(resultPlace(e))),
  RunResultFailure: event<ResultPlace>('Z022', 'error', (e) => errorTag(resultPlace(e))),
  RunResultWarningMessage: event<{ readonly msg: string }>('Z046', 'warn', ({ msg }) => warningTag(msg)),
  RunResultError: event<{ readonly msg: string }>('Z024', 'error', ({ msg }) => `  ${msg}`),
  RunResultErrorNoMessage: event<{ readonly status: string }>('Z025', 'error', ({ status }) => `  Status: ${status}`),
  SQLCompiledPath: event<{ readonly path: string }>('Z026', 'info', ({ path }) => `  compiled code at ${path}`),
  CheckNodeTestFailure: event<{ readonly relation_name: string }>('Z027', 'info', ({ relation_name }) => {
    const select = `select * from ${relation_name}`;
    const rule = '-'.repeat(select.length);
    return `  See test failures:\n  ${rule}\n  ${select}\n  ${rule}`;
  }),
  FreshnessCheckComplete: event('Q003', 'info', () => 'Done.'),
  SeedHeader: event<{ readonly header: string }>('Q004', 'info', ({ header }) => header),
  ShowNode: message('Q041', 'info'),
  CompiledNode: message('Q042', 'info'),
  ParseInlineNodeError: event<{ readonly exc: string }>('I069', 'error', ({ exc }) =>
    errorTag(`Error while parsing node: inline_query\n${exc}`),
  ),
  ArtifactWritten: event<{ readonly artifact_type: string; readonly artifact_path: string }>(
    'P001',
    'debug',
    ({ artifact_type, artifact_path }) => `Wrote artifact ${artifact_type} to ${artifact_path}`,
  ),
  BuildingCatalog: event('E044', 'info', () => 'Building catalog'),
  CatalogGenerationError: event<{ readonly exc: string }>(
    'E040',
    'warn',
    ({ exc }) => `Encountered an error while generating catalog: ${exc}`,
  ),
  WriteCatalogFailure: event<{ readonly num_exceptions: number }>(
    'E041',
    'error',
    ({ num_exceptions: n }) => `dbt encountered ${n} failure${n === 1 ? '' : 's'} while writing the catalog`,
  ),
  CatalogWritten: event<{ readonly path: string }>('E042', 'info', ({ path }) => `Catalog written to ${path}`),
};

export interface ResultPlace {
  readonly resource_type: string;
  readonly node_name: string;
  readonly path: string;
}

function resultPlace({ resource_type, node_name, path }: ResultPlace): string {
  return `in ${resource_type} ${node_name} (${path})`;
}
