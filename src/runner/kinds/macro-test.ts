// Unit tests of macros: the node that calls the macro, and the comparison of its text or value.
import type { Session } from '../../adapters/adapter.ts';
import type { CompilableNode } from '../../compiler/compile.ts';
import { openScope } from '../../compiler/node-scope.ts';
import { unitTestNodes, type UnitTestNodes } from '../../compiler/unit-test-nodes.ts';
import type { Json, ModelNode, UnitTestNode } from '../../contracts/node.ts';
import { green, red } from '../../log.ts';
import { ownSettings } from '../../settings/meta-settings.ts';
import { equals, fromJson, toRepr } from '../../values/index.ts';
import { isDictionary } from '../../values/is-dictionary.ts';
import type { RunContext } from '../context.ts';
import { inlineNode } from '../inline-node.ts';
import type { Outcome } from '../node.ts';

/** A call of a macro, and what it must write or return; neither if rows are expected. */
export interface MacroCall {
  readonly macro: string;
  /** A list, or a dictionary by name. */
  readonly args: Json;
  readonly text?: string;
  readonly value?: Json;
}

/** Name of the relation with the given rows. */
const GIVEN = '__given';

/** What a unit test calls; null if it tests a model. */
export function macroCallOf(test: UnitTestNode): MacroCall | null {
  const { macro_test: call } = ownSettings(test);
  if (!isDictionary(call)) return null;
  const { macro, args = [], text, value } = call;
  const expected = typeof text === 'string' ? { text } : value === undefined ? {} : { value };
  return { macro: String(macro), args, ...expected };
}

/** The node of a macro's test: a query of the macro, or one that computes it for each given row. */
export function macroTestNodes(ctx: RunContext, test: UnitTestNode, { macro, args }: MacroCall): UnitTestNodes {
  const written = Array.isArray(args)
    ? args.map((value) => toRepr(fromJson(value)))
    : Object.entries(args ?? {}).map(([name, value]) => `${name}=${toRepr(fromJson(value))}`);
  const call = `{{ ${test.package_name}.${macro}(${written.join(', ')}) }}`;
  const inline = inlineNode(ctx, call);
  const model: ModelNode = {
    ...inline,
    resource_type: 'model',
    original_file_path: test.original_file_path,
    access: 'protected',
    constraints: [],
    version: null,
    latest_version: null,
    deprecation_date: null,
    primary_key: [],
    time_spine: null,
    raw_code: test.given.length === 0 ? call : `select given.*, ${call} as result from {{ ref('${GIVEN}') }} as given`,
  };
  const given: ModelNode = { ...model, name: GIVEN, alias: GIVEN, unique_id: `model.${test.package_name}.${GIVEN}` };
  const tested = {
    ...test,
    given: test.given.map((rows) => ({ ...rows, input: `ref('${GIVEN}')` })),
    depends_on: { ...test.depends_on, nodes: [model.unique_id] },
  };
  const nodes = unitTestNodes(tested, { nodes: { [model.unique_id]: model } }, () => given, ctx.adapter);
  const { macros, nodes: read = [] } = inline.depends_on;
  const depends_on = { macros, nodes: [...read, ...nodes.inputs.map((each) => each.unique_id)] };
  return { ...nodes, node: { ...nodes.node, refs: inline.refs, depends_on } };
}

export const PASSED = { status: 'pass', message: null, failures: 0 } as const;

/** @param diff what differs, with colors */
export function failed({ config }: RunContext, diff: string): Pick<Outcome, 'status' | 'message' | 'failures'> {
  const rendered = `\n\n${green('actual')} differs from ${red('expected')}:\n\n${diff}\n`;
  const message = config.flags.use_colors ? rendered : rendered.replace(/\u001b\[[0-9;]*m/g, '');
  return { status: 'fail', message, failures: 1 };
}

/** Compares what the macro wrote with the expected text, with white space reduced to one space. */
export function compareText(ctx: RunContext, node: CompilableNode, text: string): Outcome {
  const [actual, expected] = [node.compiled_code ?? '', text].map((each) => each.replace(/\s+/g, ' ').trim());
  return outcome(ctx, node, actual === expected, actual, expected);
}

/** Calls the macro and compares what it returns. */
export async function compareValue(
  ctx: RunContext,
  node: CompilableNode,
  { macro, args, value = null }: MacroCall,
  session: Session,
): Promise<Outcome> {
  const [list, named] = Array.isArray(args) ? [args, {}] : [[], args];
  const kwargs = new Map(
    Object.entries(isDictionary(named) ? named : {}).map(([name, each]) => [name, fromJson(each)]),
  );
  const scope = openScope(ctx, node, session, { code: true });
  const expected = fromJson(value);
  try {
    const returned = await scope.callNamed(macro, list.map(fromJson), kwargs, node.package_name);
    return outcome(ctx, node, equals(returned, expected), toRepr(returned), toRepr(expected));
  } finally {
    if (session.inTransaction) await session.rollback();
  }
}

function outcome(ctx: RunContext, node: CompilableNode, equal: boolean, actual = '', expected = ''): Outcome {
  const result = { response: {}, node };
  return equal
    ? { ...PASSED, ...result }
    : { ...failed(ctx, `${green('actual')}:   ${actual}\n${red('expected')}: ${expected}`), ...result };
}
