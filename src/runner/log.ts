// What a run says, event by event, under dbt's names and codes and in dbt's words. Decides no status and counts
// nothing: callers pass results; where the lines go is the logger's business.
import type { GraphNode, GroupNode } from '../contracts/node.ts';
import type { NodeStatus, RunResult } from '../contracts/results.ts';
import {
  errorTag,
  green,
  LazyEvent,
  type Logger,
  type LogLevel,
  pluralize,
  progressLine,
  red,
  warningTag,
  yellow,
} from '../log.ts';
import { stringifyJson } from '../values/index.ts';

type Data = Readonly<Record<string, unknown>>;

/** Where a node stands, for `node_info` of its events. */
export interface NodeProgress {
  readonly node: GraphNode;
  /** ISO without zone, as dbt writes it; empty while unknown. */
  started: string;
  finished: string;
  status: string;
  readonly index: number;
  readonly total: number;
  readonly thread: string;
}

/** dbt's `node_info` of a node. */
function resultInfo(r: RunResult): Data {
  return r.node ? nodeInfo({ node: r.node, started: '', finished: '', status: r.status }) : {};
}

export function nodeInfo(p: Pick<NodeProgress, 'node' | 'started' | 'finished' | 'status'>): Data {
  const node = p.node as GraphNode & {
    config?: { materialized?: string; meta?: unknown };
    checksum?: unknown;
    alias?: string;
    relation_name?: string | null;
    database?: string | null;
    schema?: string | null;
  };
  const checksum =
    typeof node.checksum === 'object' && node.checksum !== null
      ? (node.checksum as { checksum?: string }).checksum
      : node.checksum;
  const meta = (node.config?.meta ?? {}) as Record<string, unknown>;
  return {
    materialized: node.config?.materialized ?? (node.resource_type === 'unit_test' ? 'unit' : ''),
    meta: Object.fromEntries(Object.entries(meta).map(([k, v]) => [k, typeof v === 'string' ? v : stringifyJson(v)])),
    node_checksum: checksum ?? '',
    node_finished_at: p.finished,
    node_name: node.name,
    node_path: node.path,
    node_relation: {
      alias: node.alias ?? '',
      database: node.database ?? '',
      relation_name: node.relation_name ?? '',
      schema: node.schema ?? '',
    },
    node_started_at: p.started,
    node_status: p.status,
    resource_type: node.resource_type,
    unique_id: node.unique_id,
  };
}

/** The part of a result that events carry. */
function resultData(r: RunResult): Data {
  return {
    adapter_response: r.adapter_response,
    execution_time: r.execution_time,
    message: r.message ?? '',
    num_failures: r.failures ?? 0,
    status: r.status,
    thread: r.thread_id,
    timing_info: r.timing,
  };
}

const TEST_LEVEL: Readonly<Record<string, LogLevel>> = {
  fail: 'error',
  error: 'error',
  warn: 'warn',
  'runtime error': 'error',
};

/** How a function's result begins, and its status in colour. */
function createdWords(status: NodeStatus): [string, string] {
  const info = status === 'error' ? 'ERROR creating' : status === 'skipped' ? 'SKIP' : 'OK created';
  return [info, (status === 'error' ? red : status === 'skipped' ? yellow : green)(status.toUpperCase())];
}

/** Fires the events of one run. */
export class RunLog {
  readonly logger: Logger;
  readonly #width: number;
  readonly #group: (id: string) => GroupNode | undefined;

  /** @param group finds the group of a node, for the events of failing nodes */
  constructor(logger: Logger, width: number, group: (id: string) => GroupNode | undefined) {
    this.logger = logger;
    this.#width = width;
    this.#group = group;
  }

  #fire(name: string, code: string, level: LogLevel, msg: () => string, data: () => Data, thread?: string): void {
    this.logger.fire(new LazyEvent(name, code, level, msg, data, thread));
  }

  #line(
    msg: string,
    status: string,
    p: { index?: number | undefined; total?: number | undefined },
    executionTime?: number,
    truncate = false,
  ): string {
    return progressLine({ width: this.#width, msg, status, index: p.index, total: p.total, executionTime, truncate });
  }

  #withGroup(id: string, data: Record<string, unknown>): Data {
    const group = this.#group(id);
    if (group)
      data['group'] = {
        name: group.name,
        package_name: group.package_name,
        owner: Object.fromEntries(
          Object.entries(group.owner)
            .filter(([, v]) => v !== null)
            .map(([k, v]) => [k, String(v)]),
        ),
      };
    return data;
  }

  /** An empty line, or a rule. */
  formatting(msg = '', level: LogLevel = 'info'): void {
    this.#fire(
      'Formatting',
      'Z017',
      level,
      () => msg,
      () => ({ msg }),
    );
  }

  note(msg: string, level: LogLevel = 'info'): void {
    this.#fire(
      'Note',
      'Z050',
      level,
      () => msg,
      () => ({ msg }),
    );
  }

  foundStats(statLine: string): void {
    this.#fire(
      'FoundStats',
      'W006',
      'info',
      () => `Found ${statLine}`,
      () => ({ stat_line: statLine }),
    );
  }

  concurrency(threads: number, target: string, nodes: number): void {
    this.#fire(
      'ConcurrencyLine',
      'Q027',
      'info',
      () => `Concurrency: ${threads} threads (target='${target}')`,
      () => ({ node_count: nodes, num_threads: threads, target_name: target }),
    );
  }

  nothingToDo(): void {
    this.#fire(
      'NothingToDo',
      'Q035',
      'warn',
      () => warningTag('Nothing to do. Try checking your model configs and model specification args'),
      () => ({}),
    );
  }

  noNodesSelected(): void {
    this.#fire(
      'NoNodesSelected',
      'Q038',
      'warn',
      () => warningTag('No nodes selected!'),
      () => ({}),
    );
  }

  defaultSelector(name: string): void {
    this.#fire(
      'DefaultSelector',
      'Q023',
      'info',
      () => `Using default selector ${name}`,
      () => ({ name }),
    );
  }

  nodeStart(p: NodeProgress): void {
    this.#fire(
      'NodeStart',
      'Q024',
      'debug',
      () => `Began running node ${p.node.unique_id}`,
      () => ({ node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  nodeCompiling(p: NodeProgress): void {
    this.#fire(
      'NodeCompiling',
      'Q030',
      'debug',
      () => `Began compiling node ${p.node.unique_id}`,
      () => ({ node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  writingSql(p: NodeProgress): void {
    this.#fire(
      'WritingInjectedSQLForNode',
      'Q029',
      'debug',
      () => `Writing injected SQL for node "${p.node.unique_id}"`,
      () => ({ node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  nodeExecuting(p: NodeProgress): void {
    this.#fire(
      'NodeExecuting',
      'Q031',
      'debug',
      () => `Began executing node ${p.node.unique_id}`,
      () => ({ node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  nodeFinished(p: NodeProgress, r: RunResult): void {
    this.#fire(
      'NodeFinished',
      'Q025',
      'debug',
      () => `Finished running node ${p.node.unique_id}`,
      () => ({ node_info: nodeInfo(p), run_result: resultData(r) }),
      p.thread,
    );
  }

  startLine(description: string, p: NodeProgress): void {
    this.#fire(
      'LogStartLine',
      'Q011',
      'info',
      () => this.#line(`START ${description}`, 'RUN', p),
      () => ({ description, index: p.index, total: p.total, node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  /** @param status the database's answer, or `error` */
  modelResult(description: string, status: string, seconds: number, p: NodeProgress): void {
    const [info, shown] =
      status === 'error'
        ? ['ERROR creating', red('ERROR')]
        : status.includes('PARTIAL SUCCESS')
          ? ['PARTIALLY created', yellow(status.toUpperCase())]
          : ['OK created', green(status)];
    this.#fire(
      'LogModelResult',
      'Q012',
      status === 'error' ? 'error' : 'info',
      () => this.#line(`${info} ${description}`, shown, p, seconds),
      () =>
        this.#withGroup(p.node.unique_id, {
          description,
          status,
          index: p.index,
          total: p.total,
          execution_time: seconds,
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  functionResult(description: string, status: NodeStatus, seconds: number, p: NodeProgress): void {
    const [info, shown] = createdWords(status);
    this.#fire(
      'LogFunctionResult',
      'Q047',
      status === 'error' ? 'error' : 'info',
      () => this.#line(`${info} ${description}`, shown, p, seconds),
      () =>
        this.#withGroup(p.node.unique_id, {
          description,
          status,
          index: p.index,
          total: p.total,
          execution_time: seconds,
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  overloadStart(description: string, p: NodeProgress): void {
    this.#fire(
      'LogStartOverload',
      'Q048',
      'info',
      () => `Overload ${this.#line(`START ${description}`, 'RUN', p)}`,
      () => ({ description, overload_index: p.index, total_overloads: p.total, node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  overloadResult(description: string, status: NodeStatus, seconds: number, p: NodeProgress): void {
    const [info, shown] = createdWords(status);
    this.#fire(
      'LogOverloadResult',
      'Q049',
      status === 'error' ? 'error' : 'info',
      () => `Overload ${this.#line(`${info} ${description}`, shown, p, seconds)}`,
      () =>
        this.#withGroup(p.node.unique_id, {
          description,
          status,
          overload_index: p.index,
          total_overloads: p.total,
          execution_time: seconds,
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  snapshotResult(
    description: string,
    status: NodeStatus,
    message: string,
    seconds: number,
    cfg: Data,
    p: NodeProgress,
  ): void {
    const failed = status === 'error';
    this.#fire(
      'LogSnapshotResult',
      'Q015',
      failed ? 'error' : 'info',
      () =>
        this.#line(
          `${failed ? 'ERROR snapshotting' : 'OK snapshotted'} ${description}`,
          failed ? red('ERROR') : green(message),
          p,
          seconds,
        ),
      () =>
        this.#withGroup(p.node.unique_id, {
          description,
          status,
          cfg,
          index: p.index,
          total: p.total,
          execution_time: seconds,
          result_message: message,
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  seedResult(
    schema: string,
    relation: string,
    status: NodeStatus,
    message: string,
    seconds: number,
    p: NodeProgress,
  ): void {
    const failed = status === 'error';
    this.#fire(
      'LogSeedResult',
      'Q016',
      failed ? 'error' : 'info',
      () =>
        this.#line(
          `${failed ? 'ERROR loading' : 'OK loaded'} seed file ${schema}.${relation}`,
          failed ? red('ERROR') : green(message),
          p,
          seconds,
        ),
      () =>
        this.#withGroup(p.node.unique_id, {
          schema,
          relation,
          status,
          result_message: message,
          index: p.index,
          total: p.total,
          execution_time: seconds,
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  testResult(
    name: string,
    status: string,
    failures: number | null,
    seconds: number,
    attached: string | null,
    p: NodeProgress,
  ): void {
    const [info, color] =
      status === 'error'
        ? ['ERROR', red]
        : status === 'pass'
          ? ['PASS', green]
          : status === 'warn'
            ? [`WARN ${failures}`, yellow]
            : [`FAIL ${failures}`, red];
    this.#fire(
      'LogTestResult',
      'Q007',
      TEST_LEVEL[status] ?? 'info',
      () => this.#line(`${info} ${name}`, color(info), p, seconds),
      () =>
        this.#withGroup(p.node.unique_id, {
          name,
          status,
          index: p.index,
          num_models: p.total,
          execution_time: seconds,
          num_failures: failures ?? 0,
          attached_node: attached ?? '',
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  freshnessResult(source: string, table: string, status: string, seconds: number, p: NodeProgress): void {
    const [info, color] =
      status === 'runtime error'
        ? ['ERROR', red]
        : status === 'error'
          ? ['ERROR STALE', red]
          : status === 'warn'
            ? ['WARN', yellow]
            : ['PASS', green];
    this.#fire(
      'LogFreshnessResult',
      'Q018',
      TEST_LEVEL[status] ?? 'info',
      () => this.#line(`${info} freshness of ${source}.${table}`, color(info), p, seconds),
      () => ({
        status,
        source_name: source,
        table_name: table,
        index: p.index,
        total: p.total,
        execution_time: seconds,
        node_info: nodeInfo(p),
      }),
      p.thread,
    );
  }

  noOpResult(description: string, p: NodeProgress): void {
    this.#fire(
      'LogNodeNoOpResult',
      'Q019',
      'info',
      () => this.#line(`NO-OP ${description}`, yellow('NO-OP'), p, 0),
      () => ({
        description,
        status: 'no-op',
        execution_time: 0,
        index: p.index,
        total: p.total,
        node_info: nodeInfo(p),
      }),
      p.thread,
    );
  }

  hookStart(statement: string, p: NodeProgress): void {
    this.#fire(
      'LogHookStartLine',
      'Q032',
      'info',
      () => this.#line(`START hook: ${statement}`, 'RUN', p, undefined, true),
      () => ({ statement, index: p.index, total: p.total, node_info: nodeInfo(p) }),
    );
  }

  hookEnd(statement: string, status: NodeStatus, seconds: number, p: NodeProgress): void {
    const [info, color] =
      status === 'success' ? ['OK', green] : status === 'skipped' ? ['SKIP', yellow] : ['ERROR', red];
    this.#fire(
      'LogHookEndLine',
      'Q033',
      'info',
      () => this.#line(`${info} hook: ${statement}`, color(info), p, seconds, true),
      () => ({ statement, status, index: p.index, total: p.total, execution_time: seconds, node_info: nodeInfo(p) }),
    );
  }

  skipping(p: NodeProgress): void {
    const node = p.node as GraphNode & { schema?: string | null };
    const schema = node.schema ?? '';
    const what =
      node.resource_type === 'model' || node.resource_type === 'seed' || node.resource_type === 'snapshot'
        ? `relation ${schema}.${node.name}`
        : `${node.resource_type} ${node.name}`;
    this.#fire(
      'SkippingDetails',
      'Q034',
      'info',
      () => this.#line(`SKIP ${what}`, yellow('SKIP'), p),
      () =>
        this.#withGroup(node.unique_id, {
          resource_type: node.resource_type,
          schema,
          node_name: node.name,
          index: p.index,
          total: p.total,
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  skipBecauseError(p: NodeProgress, status: NodeStatus): void {
    const schema = (p.node as { schema?: string | null }).schema ?? '';
    this.#fire(
      'LogSkipBecauseError',
      'Z034',
      'error',
      () =>
        this.#line(
          `SKIP relation ${schema}.${p.node.name} due to ephemeral model status '${status}'`,
          red('ERROR SKIP'),
          p,
        ),
      () =>
        this.#withGroup(p.node.unique_id, { schema, relation: p.node.name, index: p.index, total: p.total, status }),
      p.thread,
    );
  }

  batchStart(description: string, index: number, total: number, p: NodeProgress): void {
    this.#fire(
      'LogStartBatch',
      'Q045',
      'info',
      () => `Batch ${this.#line(`START ${description}`, 'RUN', { index, total })}`,
      () => ({ description, batch_index: index, total_batches: total, node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  batchResult(
    description: string,
    status: string,
    index: number,
    total: number,
    seconds: number,
    p: NodeProgress,
  ): void {
    const [info, shown] =
      status === 'error'
        ? ['ERROR creating', red('ERROR')]
        : status === 'skipped'
          ? ['SKIP', yellow('SKIPPED')]
          : ['OK created', green(status)];
    this.#fire(
      'LogBatchResult',
      'Q046',
      status === 'error' ? 'error' : 'info',
      () => `Batch ${this.#line(`${info} ${description}`, shown, { index, total }, seconds)}`,
      () =>
        this.#withGroup(p.node.unique_id, {
          description,
          status,
          batch_index: index,
          total_batches: total,
          execution_time: seconds,
          node_info: nodeInfo(p),
        }),
      p.thread,
    );
  }

  cancelLine(connection: string): void {
    this.#fire(
      'LogCancelLine',
      'Q022',
      'error',
      () => this.#line(`CANCEL query ${connection}`, red('CANCEL'), {}),
      () => ({ conn_name: connection }),
    );
  }

  markSkipped(id: string, r: RunResult): void {
    this.#fire(
      'MarkSkippedChildren',
      'Z033',
      'debug',
      () =>
        `Marking all children of '${id}' to be skipped because of status '${r.status}'. ` +
        `${r.message ? ` Reason: ${r.message}.` : ''}`,
      () => ({ unique_id: id, status: r.status, run_result: resultData(r) }),
      r.thread_id,
    );
  }

  caughtError(text: string, p: NodeProgress): void {
    this.#fire(
      'CatchableExceptionOnRun',
      'W002',
      'debug',
      () => text,
      () => ({ exc: text, exc_info: '', node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  uncaughtError(text: string, p: NodeProgress): void {
    this.#fire(
      'GenericExceptionOnRun',
      'W004',
      'error',
      () => errorTag(`Unhandled error while executing ${p.node.unique_id}\n${text}`),
      () => ({ build_path: '', unique_id: p.node.unique_id, exc: text, node_info: nodeInfo(p) }),
      p.thread,
    );
  }

  operationError(text: string): void {
    this.#fire(
      'RunningOperationCaughtError',
      'Q001',
      'error',
      () => errorTag(`Encountered an error while running operation: ${text}`),
      () => ({ exc: text }),
    );
  }

  finishedRunning(statLine: string, seconds: number): void {
    const minutes = Math.floor(seconds / 60);
    const execution = ` in ${Math.floor(minutes / 60)} hours ${minutes % 60} minutes and ${(seconds % 60).toFixed(2)} seconds`;
    this.#fire(
      'FinishedRunningStats',
      'E047',
      'info',
      () => `Finished running ${statLine}${execution} (${seconds.toFixed(2)}s).`,
      () => ({ stat_line: statLine, execution, execution_time: seconds }),
    );
  }

  endRunResult(results: readonly RunResult[], elapsed: number, generatedAt: string, success: boolean): void {
    this.#fire(
      'EndRunResult',
      'Q037',
      'debug',
      () => 'Command end result',
      () => ({ results: results.map(resultData), elapsed_time: elapsed, generated_at: generatedAt, success }),
    );
  }

  endOfRun(errors: number, warnings: number, partial: number, interrupted: boolean): void {
    const partials = `${partial} partial ${partial === 1 ? 'success' : 'successes'}`;
    const warns = pluralize(warnings, 'warning');
    const msg = interrupted
      ? yellow('Exited because of keyboard interrupt')
      : errors > 0
        ? red(`Completed with ${pluralize(errors, 'error')}, ${partials}, and ${warns}:`)
        : partial > 0
          ? yellow(`Completed with ${partials} and ${warns}`)
          : warnings > 0
            ? yellow(`Completed with ${warns}:`)
            : green('Completed successfully');
    this.#fire(
      'EndOfRunSummary',
      'Z030',
      'info',
      () => msg,
      () => ({
        num_errors: errors,
        num_warnings: warnings,
        num_partial_success: partial,
        keyboard_interrupt: interrupted,
      }),
    );
  }

  statsLine(stats: Readonly<Record<'pass' | 'warn' | 'error' | 'skip' | 'noop' | 'reused' | 'total', number>>): void {
    this.#fire(
      'StatsLine',
      'Z023',
      'info',
      () =>
        `Done. PASS=${stats.pass} WARN=${stats.warn} ERROR=${stats.error} SKIP=${stats.skip} ` +
        `NO-OP=${stats.noop} REUSED=${stats.reused} TOTAL=${stats.total}`,
      () => ({ stats }),
    );
  }

  resultHeading(r: RunResult, warning: boolean): void {
    const node = r.node;
    if (!node) return;
    const where = `in ${node.resource_type} ${node.name} (${node.original_file_path})`;
    this.#fire(
      warning ? 'RunResultWarning' : 'RunResultFailure',
      warning ? 'Z021' : 'Z022',
      warning ? 'warn' : 'error',
      () => (warning ? warningTag(where) : errorTag(where)),
      () =>
        this.#withGroup(node.unique_id, {
          resource_type: node.resource_type,
          node_name: node.name,
          path: node.original_file_path,
          node_info: resultInfo(r),
        }),
    );
  }

  resultMessage(r: RunResult, warning: boolean, level: LogLevel = 'error'): void {
    const msg = r.message ?? '';
    const node_info = resultInfo(r);
    if (warning)
      this.#fire(
        'RunResultWarningMessage',
        'Z046',
        'warn',
        () => warningTag(msg),
        () => ({ msg, node_info }),
      );
    else
      this.#fire(
        'RunResultError',
        'Z024',
        level,
        () => `  ${msg}`,
        () => this.#withGroup(r.unique_id, { msg, node_info }),
      );
  }

  resultStatus(r: RunResult): void {
    this.#fire(
      'RunResultErrorNoMessage',
      'Z025',
      'error',
      () => `  Status: ${r.status}`,
      () => ({ status: r.status, node_info: resultInfo(r) }),
    );
  }

  compiledPath(path: string, r: RunResult): void {
    this.#fire(
      'SQLCompiledPath',
      'Z026',
      'info',
      () => `  compiled code at ${path}`,
      () => ({ path, node_info: resultInfo(r) }),
    );
  }

  seeFailures(relation: string, r: RunResult): void {
    const select = `select * from ${relation}`;
    const rule = '-'.repeat(select.length);
    this.#fire(
      'CheckNodeTestFailure',
      'Z027',
      'info',
      () => `  See test failures:\n  ${rule}\n  ${select}\n  ${rule}`,
      () => ({ relation_name: relation, node_info: resultInfo(r) }),
    );
  }

  /** Rows that a test found, as a grid; ours. */
  firstRows(grid: string): void {
    const msg = `  First failing rows:\n${grid
      .split('\n')
      .map((line) => `  ${line}`)
      .join('\n')}`;
    this.#fire(
      'Note',
      'Z050',
      'info',
      () => msg,
      () => ({ msg }),
    );
  }

  freshnessDone(): void {
    this.#fire(
      'FreshnessCheckComplete',
      'Q003',
      'info',
      () => 'Done.',
      () => ({}),
    );
  }

  artifactWritten(type: string, path: string): void {
    this.#fire(
      'ArtifactWritten',
      'P001',
      'debug',
      () => `Wrote artifact ${type} to ${path}`,
      () => ({ artifact_type: type, artifact_path: path }),
    );
  }
}
