// Logs the events of a run: passes facts about nodes and results to the table of events.
import type { GraphNode, GroupNode } from '../contracts/node.ts';
import type { NodeStatus, RunResult } from '../contracts/results.ts';
import {
  type EventData,
  type EventExtras,
  type EventName,
  type FactsOf,
  fire,
  interruption,
  note,
} from '../events/index.ts';
import type { Logger, LogLevel } from '../log.ts';
import { pyStr } from '../values/python-text.ts';
import { type NodeProgress, nodeInfo, resultData, resultInfo } from './node-info.ts';

/** Events whose data include the node's group, if it has one. */
type Grouped = EventData & { group?: unknown };

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

  #fire<N extends EventName>(name: N, facts: FactsOf<N>, extras: EventExtras = {}): void {
    fire(this.logger, name, facts, { width: this.#width, ...extras });
  }

  /** An event of a running node. */
  #ofNode<N extends EventName>(name: N, facts: FactsOf<N>, p: NodeProgress): void {
    this.#fire(name, facts, { data: () => ({ ...facts, node_info: nodeInfo(p) }), thread: p.thread });
  }

  /** The end of a node, with its group. */
  #ofResult<N extends EventName>(name: N, facts: FactsOf<N>, p: NodeProgress): void {
    const data = (): EventData => this.#withGroup(p.node.unique_id, { ...facts, node_info: nodeInfo(p) });
    this.#fire(name, facts, { data, thread: p.thread });
  }

  /** An event that only names its node. */
  #named(name: 'NodeStart' | 'NodeCompiling' | 'NodeExecuting', p: NodeProgress): void {
    const { unique_id } = p.node;
    this.#fire(name, { unique_id }, { data: () => ({ node_info: nodeInfo(p) }), thread: p.thread });
  }

  #withGroup(id: string, data: EventData): Grouped {
    const group = this.#group(id);
    if (group === undefined) return data;
    const { name, package_name } = group;
    const owner = Object.entries(group.owner).flatMap(([k, v]) => (v === null ? [] : [[k, pyStr(v)]]));
    return { ...data, group: { name, package_name, owner: Object.fromEntries(owner) } };
  }

  /** An empty line or a separator. */
  formatting(msg = '', level?: LogLevel): void {
    this.#fire('Formatting', { msg }, { level });
  }

  note(msg: string, level?: LogLevel): void {
    note(this.logger, msg, { level });
  }

  concurrency(threads: number, target: string, nodes: number): void {
    this.#fire('ConcurrencyLine', { node_count: nodes, num_threads: threads, target_name: target });
  }

  nothingToDo(): void {
    this.#fire('NothingToDo', {});
  }

  nodeStart(p: NodeProgress): void {
    this.#named('NodeStart', p);
  }

  nodeCompiling(p: NodeProgress): void {
    this.#named('NodeCompiling', p);
  }

  nodeExecuting(p: NodeProgress): void {
    this.#named('NodeExecuting', p);
  }

  nodeFinished(p: NodeProgress, r: RunResult): void {
    const { unique_id } = p.node;
    const data = (): EventData => ({ node_info: nodeInfo(p), run_result: resultData(r) });
    this.#fire('NodeFinished', { unique_id }, { data, thread: p.thread });
  }

  startLine(description: string, p: NodeProgress): void {
    this.#ofNode('LogStartLine', { description, index: p.index, total: p.total }, p);
  }

  /** @param status the database's answer, or `error` */
  modelResult(description: string, status: string, seconds: number, p: NodeProgress): void {
    const { index, total } = p;
    this.#ofResult('LogModelResult', { description, status, index, total, execution_time: seconds }, p);
  }

  functionResult(description: string, status: NodeStatus, seconds: number, p: NodeProgress): void {
    const { index, total } = p;
    this.#ofResult('LogFunctionResult', { description, status, index, total, execution_time: seconds }, p);
  }

  overloadStart(description: string, p: NodeProgress): void {
    this.#ofNode('LogStartOverload', { description, overload_index: p.index, total_overloads: p.total }, p);
  }

  overloadResult(description: string, status: NodeStatus, seconds: number, p: NodeProgress): void {
    const place = { overload_index: p.index, total_overloads: p.total };
    this.#ofResult('LogOverloadResult', { description, status, ...place, execution_time: seconds }, p);
  }

  snapshotResult(
    description: string,
    status: NodeStatus,
    result_message: string,
    seconds: number,
    cfg: EventData,
    p: NodeProgress,
  ): void {
    const { index, total } = p;
    const facts = { description, status, cfg, index, total, execution_time: seconds, result_message };
    this.#ofResult('LogSnapshotResult', facts, p);
  }

  seedResult(
    schema: string,
    relation: string,
    status: NodeStatus,
    result_message: string,
    seconds: number,
    p: NodeProgress,
  ): void {
    const { index, total } = p;
    const facts = { schema, relation, status, result_message, index, total, execution_time: seconds };
    this.#ofResult('LogSeedResult', facts, p);
  }

  testResult(
    name: string,
    status: string,
    failures: number | null,
    seconds: number,
    attached: string | null,
    p: NodeProgress,
  ): void {
    const facts = {
      name,
      status,
      index: p.index,
      num_models: p.total,
      execution_time: seconds,
      num_failures: failures ?? 0,
      attached_node: attached ?? '',
    };
    this.#ofResult('LogTestResult', facts, p);
  }

  freshnessResult(source_name: string, table_name: string, status: string, seconds: number, p: NodeProgress): void {
    const { index, total } = p;
    this.#ofNode('LogFreshnessResult', { status, source_name, table_name, index, total, execution_time: seconds }, p);
  }

  noOpResult(description: string, p: NodeProgress): void {
    const { index, total } = p;
    this.#ofNode('LogNodeNoOpResult', { description, status: 'no-op', execution_time: 0, index, total }, p);
  }

  reusedResult({ resource_type, name }: GraphNode, seconds: number, p: NodeProgress): void {
    const { index, total } = p;
    const description = `${resource_type === 'unit_test' ? 'unit test' : resource_type} ${name}`;
    this.#ofNode('LogNodeNoOpResult', { description, status: 'reused', execution_time: seconds, index, total }, p);
  }

  hookStart(statement: string, p: NodeProgress): void {
    const facts = { statement, index: p.index, total: p.total };
    this.#fire('LogHookStartLine', facts, { data: () => ({ ...facts, node_info: nodeInfo(p) }) });
  }

  hookEnd(statement: string, status: NodeStatus, seconds: number, p: NodeProgress): void {
    const facts = { statement, status, index: p.index, total: p.total, execution_time: seconds };
    this.#fire('LogHookEndLine', facts, { data: () => ({ ...facts, node_info: nodeInfo(p) }) });
  }

  skipping(p: NodeProgress): void {
    const { resource_type, name: node_name } = p.node;
    const facts = { resource_type, schema: schemaOf(p.node), node_name, index: p.index, total: p.total };
    this.#ofResult('SkippingDetails', facts, p);
  }

  skipBecauseError({ node, index, total, thread }: NodeProgress, status: NodeStatus): void {
    const facts = { schema: schemaOf(node), relation: node.name, index, total, status };
    this.#fire('LogSkipBecauseError', facts, { data: () => this.#withGroup(node.unique_id, facts), thread });
  }

  batchStart(description: string, index: number, total: number, p: NodeProgress): void {
    this.#ofNode('LogStartBatch', { description, batch_index: index, total_batches: total }, p);
  }

  batchResult(
    description: string,
    status: string,
    index: number,
    total: number,
    seconds: number,
    p: NodeProgress,
  ): void {
    const place = { batch_index: index, total_batches: total };
    this.#ofResult('LogBatchResult', { description, status, ...place, execution_time: seconds }, p);
  }

  cancelLine(connection: string): void {
    this.#fire('LogCancelLine', { conn_name: connection });
  }

  markSkipped(unique_id: string, r: RunResult): void {
    const { status, message, thread_id } = r;
    const data = (): EventData => ({ unique_id, status, run_result: resultData(r) });
    this.#fire('MarkSkippedChildren', { unique_id, status, message }, { data, thread: thread_id });
  }

  caughtError(exc: string, error_code: string, p: NodeProgress): void {
    const data = (): EventData => ({ exc, exc_info: '', node_info: nodeInfo(p), error_code });
    this.#fire('CatchableExceptionOnRun', { exc }, { data, thread: p.thread });
  }

  uncaughtError(exc: string, p: NodeProgress): void {
    const { unique_id } = p.node;
    const data = (): EventData => ({ build_path: '', unique_id, exc, node_info: nodeInfo(p) });
    this.#fire('GenericExceptionOnRun', { unique_id, exc }, { data, thread: p.thread });
  }

  operationError(exc: string, error_code: string): void {
    this.#fire('RunningOperationCaughtError', { exc, error_code });
  }

  finishedRunning(stat_line: string, seconds: number): void {
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    const execution = ` in ${hours} hours ${minutes % 60} minutes and ${(seconds % 60).toFixed(2)} seconds`;
    this.#fire('FinishedRunningStats', { stat_line, execution, execution_time: seconds });
  }

  endRunResult(results: readonly RunResult[], elapsed_time: number, generated_at: string, success: boolean): void {
    const data = (): EventData => ({ results: results.map(resultData), elapsed_time, generated_at, success });
    this.#fire('EndRunResult', {}, { data });
  }

  endOfRun(num_errors: number, num_warnings: number, num_partial_success: number, interrupted: string | null): void {
    const facts = { num_errors, num_warnings, num_partial_success, ...interruption(interrupted) };
    this.#fire('EndOfRunSummary', facts);
  }

  statsLine(stats: FactsOf<'StatsLine'>['stats']): void {
    this.#fire('StatsLine', { stats });
  }

  resultHeading(r: RunResult, warning: boolean): void {
    const { node } = r;
    if (!node) return;
    const facts = { resource_type: node.resource_type, node_name: node.name, path: node.original_file_path };
    const data = (): EventData => this.#withGroup(node.unique_id, { ...facts, node_info: resultInfo(r) });
    this.#fire(warning ? 'RunResultWarning' : 'RunResultFailure', facts, { data });
  }

  resultMessage(r: RunResult, warning: boolean, level: LogLevel = 'error'): void {
    const msg = r.message ?? '';
    const data = (): EventData => ({ msg, node_info: resultInfo(r) });
    if (warning) this.#fire('RunResultWarningMessage', { msg }, { data });
    else this.#fire('RunResultError', { msg }, { data: () => this.#withGroup(r.unique_id, data()), level });
  }

  resultStatus(r: RunResult): void {
    const { status } = r;
    this.#fire('RunResultErrorNoMessage', { status }, { data: () => ({ status, node_info: resultInfo(r) }) });
  }

  compiledPath(path: string, r: RunResult): void {
    this.#fire('SQLCompiledPath', { path }, { data: () => ({ path, node_info: resultInfo(r) }) });
  }

  seeFailures(relation_name: string, r: RunResult): void {
    const data = (): EventData => ({ relation_name, node_info: resultInfo(r) });
    this.#fire('CheckNodeTestFailure', { relation_name }, { data });
  }

  /** Rows found by a test, as a grid; not an event of dbt. */
  firstRows(grid: string, level: LogLevel): void {
    const lines = grid.split('\n').map((line) => `  ${line}`);
    this.note(`  First failing rows:\n${lines.join('\n')}`, level);
  }

  freshnessDone(): void {
    this.#fire('FreshnessCheckComplete', {});
  }

  artifactWritten(artifact_type: string, artifact_path: string): void {
    this.#fire('ArtifactWritten', { artifact_type, artifact_path });
  }
}

function schemaOf(node: GraphNode): string {
  const schema = 'schema' in node ? node.schema : '';
  return typeof schema === 'string' ? schema : '';
}
