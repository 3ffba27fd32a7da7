// Tests of only the newest rows: `meta: {tsdbt: {test_slice: …}}` of a test, its model or its source. Most runs read
// the rows since the last pass; one run per `full_every` reads all. Selects the rows; data-test.ts runs the test.
import { createHash } from 'node:crypto';
import type { GraphNode, TestNode } from '../contracts/node.ts';
import type { NodeStatus } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { timeBound } from '../adapters/relation.ts';
import { PyDateTime } from '../values/datetime.ts';
import { markedJson } from '../values/float.ts';
import { pytzUtc } from '../values/timezone.ts';
import { ownSetting, ownSettings } from '../settings/meta-settings.ts';
import { lookupNode } from './nodes.ts';
import type { RunContext } from './context.ts';

/** The settings with the column: by default the `event_time` of the tested node. */
type Settings = Omit<NonNullable<ReturnType<typeof ownSetting<'test_slice'>>>, 'column'> & { readonly column: string };

/** Stored state of a test, as text: when all rows passed, when any slice passed, and the test's definition. */
interface Remembered {
  readonly full: number;
  readonly passed: number;
  readonly what: string;
}

/**
 * @returns null for a test that always reads all rows; `where` is null if a full test is due
 * @throws {TsdbtError} if the settings are invalid
 */
export function testSlice(ctx: RunContext, test: TestNode): { readonly where: string | null } | null {
  const settings = settingsOf(ctx, test);
  if (settings === null) return null;
  const known = recall(ctx, test, settings);
  if (known === null) return { where: null };
  const tested = testedNode(ctx, test);
  const since = Math.min(known.passed - settings.overlap, ctx.oldestBatch.get(tested?.unique_id ?? '') ?? Infinity);
  const moment = PyDateTime.fromEpoch(BigInt(Math.floor(since / 1000)) * 1_000_000n, pytzUtc());
  const where = `${settings.column} >= ${timeBound(ctx.adapter.relations, settings.column, moment)}`;
  ctx.log.note(`${test.name} looks at rows with ${where}`, 'debug');
  return { where };
}

/** Records a pass. A test that did not pass reads all rows the next time. */
export function noteTested(ctx: RunContext, test: TestNode, status: NodeStatus): void {
  const settings = settingsOf(ctx, test);
  if (settings === null) return;
  const now = startOf(ctx);
  const remembered: Remembered =
    status === 'pass'
      ? { full: recall(ctx, test, settings)?.full ?? now, passed: now, what: whatOf(test) }
      : { full: 0, passed: 0, what: '' };
  ctx.tests.set(keyOf(ctx, test), JSON.stringify(remembered));
}

function startOf(ctx: RunContext): number {
  return ctx.config.invocation.started_at.getTime();
}

function testedNode(ctx: RunContext, test: TestNode): GraphNode | undefined {
  return lookupNode(ctx.manifest, test.attached_node ?? test.depends_on.nodes[0] ?? '');
}

function settingsOf(ctx: RunContext, test: TestNode): Settings | null {
  // A singular test has no place for a condition; a sample's rows prove nothing about the table.
  if (test.test_metadata === undefined || ctx.scopes.sample !== null || ctx.config.flags.empty) return null;
  const tested = testedNode(ctx, test);
  const own = ownSettings(test)['test_slice'] != null || tested === undefined ? test : tested;
  const given = ownSetting(own, 'test_slice');
  if (given === null) return null;
  const column =
    given.column ?? (tested && 'config' in tested && 'event_time' in tested.config ? tested.config.event_time : null);
  if (typeof column !== 'string' || column === '')
    throw errorOf('testSliceWithoutColumn', { test: test.name }, { node: test });
  return { ...given, column };
}

/** A changed test reads all rows again. */
function whatOf(test: TestNode): string {
  return createHash('md5')
    .update(markedJson([test.raw_code, test.test_metadata, test.config]))
    .digest('hex');
}

/** Null if a full test is due. */
function recall(ctx: RunContext, test: TestNode, { full_every }: Settings): Remembered | null {
  const text = ctx.tests.get(keyOf(ctx, test));
  if (text === undefined) return null;
  const known = JSON.parse(text) as Remembered;
  return known.what !== whatOf(test) || startOf(ctx) - known.full >= full_every ? null : known;
}

/** The same test in another schema has its own state. */
function keyOf(ctx: RunContext, test: TestNode): string {
  const tested = testedNode(ctx, test) as { relation_name?: string | null } | undefined;
  return `${test.unique_id} ${tested?.relation_name ?? ''}`;
}
