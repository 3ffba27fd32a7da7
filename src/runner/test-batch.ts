// Combines tests of one relation in one statement, `meta: {tsdbt: {batch_tests: true}}` of the tested node. The
// statement shows which tests find nothing; those have passed. All other tests, and tests that cannot be combined, run
// alone.
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { openScope } from '../compiler/node-scope.ts';
import { relationFrom } from '../context/relations.ts';
import type { TestNode } from '../contracts/node.ts';
import type { AdapterResponse } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { ownSetting } from '../settings/meta-settings.ts';
import { type Kwargs, PyDict, toText, type Value } from '../values/index.ts';
import { lookupNode, type NodeWithRows, nodeWithRows } from './nodes.ts';
import { nodeLimits } from './node-limits.ts';
import type { RunContext } from './context.ts';
import { shapeOf, type TestShape } from './test-shapes.ts';

/** Maximum number of tests per statement. */
const MOST = 100;
/** Macros that determine how a test is judged: a project's overrides must be called. */
const JUDGES = ['get_test_sql', 'get_limit_subquery_sql', 'should_store_failures', 'statement'];

/** What the statement showed about a test. */
export interface Shown {
  readonly failures: number;
  readonly shouldWarn: Value;
  readonly shouldError: Value;
  readonly response: AdapterResponse | Record<string, never>;
}

interface Member {
  readonly test: TestNode;
  readonly shape: TestShape;
}

type Compile = (ctx: RunContext, test: TestNode, session: Session) => Promise<TestNode>;

/** The tests of a run, or of an audit, that share statements. */
export class TestBatches {
  readonly #tests: () => Iterable<string>;
  readonly #staged: Relation | null;
  #groups: Map<string, TestNode[]> | undefined;
  /** Tests that were examined, with the result; null: run alone. */
  readonly #shown = new Map<string, Promise<Shown | null>>();

  /**
   * @param tests unique_ids of all nodes that may be tests
   * @param staged what an audit reads instead of the node's relation
   */
  constructor(tests: () => Iterable<string>, staged: Relation | null = null) {
    this.#tests = tests;
    this.#staged = staged;
  }

  /**
   * Returns what a combined statement showed about the test. The first test of a group sends the statement.
   * @param test compiled
   * @returns null for a test that must run alone
   */
  async shown(ctx: RunContext, test: TestNode, session: Session, compile: Compile): Promise<Shown | null> {
    const key = groupOf(ctx, test);
    if (key === null) return null;
    const known = this.#shown.get(test.unique_id);
    if (known !== undefined) return known;
    this.#groups ??= this.#grouped(ctx);
    const others = (this.#groups.get(key) ?? []).filter(
      (other) => other.unique_id !== test.unique_id && !this.#isDone(ctx, other) && isReady(ctx, other, test),
    );
    const all = [test, ...others.slice(0, MOST - 1)];
    const answers = this.#ask(ctx, all, session, compile);
    for (const one of all)
      this.#shown.set(
        one.unique_id,
        answers.then((given) => given.get(one.unique_id) ?? null),
      );
    return this.#shown.get(test.unique_id) ?? null;
  }

  /** An audit may have run it earlier. */
  #isDone({ finished }: RunContext, { unique_id: id }: TestNode): boolean {
    return this.#shown.has(id) || finished.has(id);
  }

  #grouped(ctx: RunContext): Map<string, TestNode[]> {
    const groups = new Map<string, TestNode[]>();
    for (const id of this.#tests()) {
      const test = ctx.manifest.nodes[id];
      if (test?.resource_type !== 'test') continue;
      const key = groupOf(ctx, test);
      if (key === null) continue;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [test]);
      else group.push(test);
    }
    return groups;
  }

  /** Never throws: without a result the tests run alone. */
  async #ask(
    ctx: RunContext,
    [first, ...others]: readonly TestNode[],
    session: Session,
    compile: Compile,
  ): Promise<ReadonlyMap<string, Shown>> {
    const none = new Map<string, Shown>();
    if (first === undefined) return none;
    try {
      const tested = testedNode(ctx, first);
      if (tested === null) return none;
      const relation = this.#staged ?? relationOf(ctx, tested);
      const members: Member[] = [];
      for (const test of [first, ...others]) {
        const code = (test === first ? test : await compiled(ctx, test, session, compile))?.compiled_code ?? '';
        const shape = shapeOf(code, relation.render());
        if (shape !== null) members.push({ test, shape });
      }
      return members.length < 2 ? none : await ask(ctx, first, relation, members, session);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      ctx.log.note(`${first.name} and its like run one by one: ${error.message}`, 'debug');
      return none;
    }
  }
}

async function ask(
  ctx: RunContext,
  first: TestNode,
  relation: Relation,
  members: readonly Member[],
  session: Session,
): Promise<ReadonlyMap<string, Shown>> {
  const scope = openScope(ctx, first, session);
  const kwargs: Kwargs = new Map<string, Value>([
    ['relation', relation],
    ['tests', members.map((member) => asDict(ctx, member, relation))],
  ]);
  const sql = toText(await scope.callNamed('get_batched_tests_sql', [], kwargs));
  const { table, response } = await session.execute(sql, { fetch: true });
  const [row] = table.rows;
  if (row === undefined || row.values.length !== 3 * members.length)
    throw errorOf('wrongTestShape', {
      test: first.unique_id,
      found: `${row?.values.length} columns`,
      expected: '3 each',
    });
  return new Map(
    members.map(({ test }, i) => [
      test.unique_id,
      {
        failures: Number(toText(row.values[3 * i] ?? null)),
        shouldWarn: row.values[3 * i + 1] ?? null,
        shouldError: row.values[3 * i + 2] ?? null,
        response,
      },
    ]),
  );
}

/** A test that cannot be compiled reports its own error. */
async function compiled(ctx: RunContext, test: TestNode, session: Session, compile: Compile): Promise<TestNode | null> {
  try {
    return await compile(ctx, test, session);
  } catch (error) {
    if (error instanceof TsdbtError) return null;
    throw error;
  }
}

/** What the macro reads: a test's reference counts only if the test depends on the other relation. */
function asDict(ctx: RunContext, { test, shape }: Member, relation: Relation): PyDict {
  const { warn_if, error_if } = test.config;
  if (shape.kind !== 'whole') return new PyDict(Object.entries({ ...shape, warn_if, error_if }));
  const { reference, ...about } = shape;
  const parent = [relation, ...test.depends_on.nodes.map((id) => relationOfId(ctx, id))].find(
    (each) => each !== null && each.render() === reference?.parent,
  );
  const refers = reference === null || parent == null ? {} : { ...reference, parent };
  return new PyDict(Object.entries<Value>({ ...about, ...refers, warn_if, error_if }));
}

function relationOfId(ctx: RunContext, id: string): Relation | null {
  const node = nodeWithRows(lookupNode(ctx.manifest, id));
  return node === null ? null : relationOf(ctx, node);
}

/** Whether the other relations that the test reads are built, or not part of the run. */
function isReady(ctx: RunContext, test: TestNode, first: TestNode): boolean {
  return test.depends_on.nodes.every(
    (id) => first.depends_on.nodes.includes(id) || !ctx.selected.has(id) || ctx.finished.has(id),
  );
}

/** Tests with the same key read the same relation; null for a test that always runs alone. */
function groupOf(ctx: RunContext, test: TestNode): string | null {
  const { test_metadata: metadata, config } = test;
  if (metadata === undefined || config.store_failures || ctx.config.flags.store_failures) return null;
  if (config.store_failures_as != null || config.fail_calc.replace(/\s/g, '') !== 'count(*)') return null;
  const tested = testedNode(ctx, test);
  if (tested === null || !ownSetting(tested, 'batch_tests')) return null;
  const limits = nodeLimits(test);
  if (limits.timeoutMs !== null || limits.retries > 0) return null;
  if ('sql_header' in config && config.sql_header != null) return null;
  const { resolver } = ctx;
  const judge = resolver.materialization('test', () => undefined);
  if (judge === undefined || !resolver.isInternal(judge) || JUDGES.some((name) => resolver.overridden(name)))
    return null;
  return JSON.stringify([tested.unique_id, metadata.kwargs['model'] ?? null]);
}

function testedNode(ctx: RunContext, test: TestNode): NodeWithRows | null {
  return nodeWithRows(lookupNode(ctx.manifest, test.attached_node ?? test.depends_on.nodes[0] ?? ''));
}

function relationOf({ adapter, config }: RunContext, tested: NodeWithRows): Relation {
  return relationFrom(adapter, tested.resource_type === 'source' ? null : config.project.quoting, tested);
}
