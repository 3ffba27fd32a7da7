// Data tests, generic and singular: the materialization counts failing rows, and this file turns the count into pass,
// warn or fail. The first failing rows are kept for the report.
import type { Session } from '../../adapters/adapter.ts';
import type { Table } from '../../adapters/table.ts';
import { compileNode, macroNoter } from '../../compiler/compile.ts';
import type { TestNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { EVENTS } from '../../events/index.ts';
import { pluralize, warningTag } from '../../log.ts';
import { warningDisposition } from '../../project/warn-error-options.ts';
import { isTruthy, type Kwargs, PyDecimal, toText, type Value } from '../../values/index.ts';
import { materialize } from '../materialize.ts';
import { type NodeScope, openScope } from '../../compiler/node-scope.ts';
import type { RunContext } from '../context.ts';
import type { NodeKind, Outcome } from '../node.ts';
import { noteTested, testSlice } from '../test-slice.ts';

/** Number of failing rows in the report. */
const ROWS_SHOWN = 5;

/** How data tests run. */
export const dataTestKind: NodeKind<TestNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(`test ${node.name}`, p);
  },
  async compile(ctx, node, session) {
    // The usual value of all rows is not the usual value of the newest rows.
    const slice = readsHistory(node) ? null : testSlice(ctx, node);
    if (slice?.where == null) return compileNode(ctx, node, session);
    const where = node.config.where ? `(${node.config.where}) and ${slice.where}` : slice.where;
    // The manifest keeps the test's own config.
    return {
      ...(await compileNode(ctx, { ...node, config: { ...node.config, where } }, session)),
      config: node.config,
    };
  },
  async execute(ctx, node, session) {
    const outcome = await executeTest(ctx, node, session, dataTestKind.compile);
    if (!readsHistory(node)) noteTested(ctx, node, outcome.status);
    return outcome;
  },
  finish(ctx, p, node, result) {
    ctx.log.testResult(node.name, result.status, result.failures, result.execution_time, node.attached_node ?? null, p);
  },
};

/** Data tests of an audited node: they read all rows that are about to be published, and the pass is not recorded. */
export const auditTestKind: NodeKind<TestNode> = {
  ...dataTestKind,
  compile: (ctx, node, session) => compileNode(ctx, node, session),
  execute: (ctx, node, session) => executeTest(ctx, node, session, auditTestKind.compile),
};

/** A test that a combined statement showed to find nothing has passed; any other test is run alone. */
async function executeTest(
  ctx: RunContext,
  node: TestNode,
  session: Session,
  compile: NodeKind<TestNode>['compile'],
): Promise<Outcome> {
  const shown = await ctx.batches.shown(ctx, node, session, compile);
  if (shown?.failures === 0) {
    const verdict = judge(ctx, node, 0, flag(shown.shouldWarn), flag(shown.shouldError));
    if (verdict.status === 'pass') return { ...verdict, response: shown.response };
  }
  return executeDataTest(ctx, node, session);
}

async function executeDataTest(ctx: RunContext, node: TestNode, session: Session): Promise<Outcome> {
  const scope = openScope(ctx, node, session, { onMacro: macroNoter(node) });
  await materialize(ctx, node, scope).catch((error: unknown) => {
    throw withOwnRelation(node, error);
  });
  const main = scope.statement('main');
  if (main === null) throw errorOf('noMainStatement', { what: 'model' });
  const { rows, columnNames } = main.table;
  const [row] = rows;
  if (row === undefined || rows.length !== 1)
    throw errorOf('wrongTestShape', { test: node.unique_id, found: `${rows.length} rows`, expected: '1 row' });
  if (columnNames.length !== 3)
    throw errorOf('wrongTestShape', {
      test: node.unique_id,
      found: `${columnNames.length} columns`,
      expected: '3 columns',
    });
  const value = (name: string): Value => row.values[columnNames.findIndex((c) => c.toLowerCase() === name)] ?? null;
  const failures = wholeNumber(value('failures'));
  const verdict = judge(ctx, node, failures, flag(value('should_warn')), flag(value('should_error')));
  warnOfLimit(ctx, node, failures, verdict.status);
  const { response } = main;
  if (verdict.status === 'pass') return { ...verdict, response };
  const first = await firstRows(ctx, node, session, scope);
  if (first !== null && !ctx.config.flags.quiet) ctx.tables.set(node.unique_id, first);
  const reasons = readsHistory(node) && first !== null ? reasonsOf(first) : [];
  return { ...verdict, message: [verdict.message, ...reasons].join('; '), response };
}

/** Explains the error of a singular test that reads `this`, which is the table of its own failures. */
function withOwnRelation(node: TestNode, error: unknown): unknown {
  const reads = !node.test_metadata && /\{\{[^{}]*\bthis\b/.test(node.raw_code);
  return reads && error instanceof TsdbtError && error.kind === 'database' && error.message.includes(node.alias)
    ? error.with({ hint: "`this` of a test is the table of its own failures. Name the model: {{ ref('model') }}." })
    : error;
}

/** Whether it is the built-in test `usual`; a project may define its own test of that name. */
function readsHistory({ depends_on }: TestNode): boolean {
  return depends_on.macros.includes('macro.dbt.test_usual');
}

/** Describes why values in a table of failing rows are not usual. */
function reasonsOf({ columnNames, rows }: Table): string[] {
  const at = columnNames.findIndex((name) => name.toLowerCase() === 'reason');
  return rows.flatMap(({ values }) => (values[at] == null ? [] : [toText(values[at])]));
}

/** A count stops at the limit of the test: a threshold beyond it is never reached, however many rows fail. */
function warnOfLimit(ctx: RunContext, { name, config }: TestNode, failures: number, status: string): void {
  const { limit, severity, fail_calc } = config;
  if (limit === null || failures !== limit || status === 'fail' || fail_calc !== 'count(*)') return;
  const thresholds = severity.toUpperCase() === 'ERROR' ? (['error_if', 'warn_if'] as const) : (['warn_if'] as const);
  for (const option of thresholds) {
    const [, operator, text] = /^\s*(>=?|=)\s*(\d+)\s*$/.exec(config[option]) ?? [];
    if (text === undefined || Number(text) < limit + (operator === '>' ? 0 : 1)) continue;
    ctx.log.note(
      warningTag(
        `Test ${name} stops counting at its limit of ${limit}, so that ${option}: "${config[option]}" is never true. ` +
          'Set a higher limit, or none.',
      ),
      'warn',
    );
  }
}

function judge(
  ctx: RunContext,
  node: TestNode,
  failures: number,
  shouldWarn: boolean,
  shouldError: boolean,
): Pick<Outcome, 'status' | 'message' | 'failures'> {
  const results = pluralize(failures, 'result');
  if (shouldError && node.config.severity.toUpperCase() === 'ERROR') {
    return { status: 'fail', message: `Got ${results}, configured to fail if ${node.config.error_if}`, failures };
  }
  if (!shouldWarn) return { status: 'pass', message: null, failures: 0 };
  const { warn_error, warn_error_options } = ctx.config.flags;
  if (warn_error || warningDisposition(warn_error_options, 'LogTestResult', EVENTS.LogTestResult.code) === 'error') {
    return { status: 'fail', message: `Got ${results}, configured to fail if ${node.config.warn_if}`, failures };
  }
  return { status: 'warn', message: `Got ${results}, configured to warn if ${node.config.warn_if}`, failures };
}

function wholeNumber(value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' || value instanceof PyDecimal || typeof value === 'string') {
    const n = Number(toText(value));
    if (Number.isInteger(n)) return n;
  }
  throw errorOf('notAnInteger', { value: toText(value) });
}

/** Converts a database's boolean: a real one, 0 or 1, or one of Python's words. */
function flag(value: Value): boolean {
  if (typeof value !== 'string') return isTruthy(value);
  const word = value.toLowerCase();
  if (['y', 'yes', 't', 'true', 'on', '1'].includes(word)) return true;
  if (['n', 'no', 'f', 'false', 'off', '0'].includes(word)) return false;
  throw errorOf('testVerdictNotBoolean', { value });
}

/**
 * Reads the first failing rows for the report. An error here does not fail the test. @returns null if they are not
 * needed
 */
async function firstRows(ctx: RunContext, node: TestNode, session: Session, scope: NodeScope): Promise<Table | null> {
  if ((ctx.config.flags.quiet && !readsHistory(node)) || !node.compiled_code) return null;
  try {
    const kwargs: Kwargs = new Map<string, Value>([
      ['compiled_code', node.compiled_code],
      ['sql_header', null],
      ['limit', ROWS_SHOWN],
    ]);
    const sql = await scope.callNamed('get_show_sql', [], kwargs);
    const { table } = await session.execute(toText(sql), { fetch: true, autoBegin: true });
    if (session.inTransaction) await session.rollback();
    return table;
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    return null;
  }
}
