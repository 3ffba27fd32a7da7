// The output columns of a ClickHouse SELECT: their values, and the names that the engine gives to expressions.
import { AGGREGATE, CAST, EXPRESSION, type Flow, NOTHING, raised, unknownFlow } from '../flow.ts';
import { FlowTable, type MoreColumns, unknownTable } from '../query-scope.ts';
import { isCast } from './clickhouse-engine.ts';
import { type NameScope, qualifies, shortName, tableOfPath } from './name-scope.ts';
import { attribute, itemsOf, type TreeNode } from './query-tree.ts';
import { argumentsOf, masksOf, pathOf, type TreeValues } from './tree-values.ts';

interface Column {
  readonly name: string;
  readonly flow: Flow;
}

/** The name of a column whose name is not known. */
export const UNNAMED = '*';
const NO_NAME = 'its name is not known: give it an alias';

export class OutputColumns {
  readonly #values: TreeValues;

  constructor(values: TreeValues) {
    this.#values = values;
  }

  /** The columns of one entry of SELECT. */
  of(node: TreeNode, scope: NameScope): readonly FlowTable[] {
    if (node.kind === 'MATCHER') return this.matched(node, scope);
    const flow = this.#values.of(node, scope);
    if (node.kind === 'FUNCTION' && attribute(node, 'function_name') === 'untuple' && node.alias === null)
      return [tupleParts(flow)];
    const name = node.alias ?? nameOf(node, scope);
    return [table([name === null ? { name: UNNAMED, flow: withReason(flow, NO_NAME) } : { name, flow }])];
  }

  /** The columns of `*` or COLUMNS with their transformers, in tables because some columns may not be listed. */
  matched(node: TreeNode, scope: NameScope): readonly FlowTable[] {
    const { nameOf: nameOfWord } = scope.shared;
    const { from } = scope;
    const qualifier = attribute(node, 'qualified_identifier');
    const path = qualifier === '' ? null : qualifier.split('.').map(nameOfWord);
    const [transformers] = node.parts.get('') ?? [];
    const changes = itemsOf(transformers, '');
    const list = attribute(node, 'column_identifiers');
    if (list !== '') {
      const columns = list.split(', ').map((each): Column => {
        const parts = each.split('.').map(nameOfWord);
        const flow = this.#values.of(
          { ...node, kind: 'IDENTIFIER', attributes: new Map([['identifier', each]]) },
          scope,
        );
        return { name: tableOfPath(parts, from)?.rest ?? parts.join('.'), flow };
      });
      return [this.#transformed(table(columns), changes, scope)];
    }
    const pattern = node.attributes.get('columns_pattern');
    const matches = pattern === undefined ? null : patternOf(pattern);
    if (pattern !== undefined && matches === null) return [unknownTable(`the pattern of COLUMNS is not supported`)];
    const wanted = from.tables.map((each) => path === null || qualifies(each, [...path, '']) === path.length);
    if (!wanted.includes(true)) {
      const reason = path === null ? null : `"${path.join('.')}" is not found in FROM`;
      return [path === null ? table([]) : unknownTable(reason ?? '')];
    }
    return from.tables.flatMap((bound, of) => {
      if (wanted[of] !== true) return [];
      const columns = (path === null ? from.star.filter((each) => each.of === of) : bound.table.columns)
        .filter(({ name }) => matches === null || matches.test(name))
        .map(({ name, flow }) => {
          const short = path === null && from.merged.has(name) ? name : shortName(name, of, from);
          return { name, flow: short === null ? withReason(flow, NO_NAME) : flow, short: short ?? UNNAMED };
        });
      const named = columns.map(({ name, flow }) => ({ name, flow }));
      const shown = this.#transformed(
        new FlowTable(named, bound.table.more, NOTHING, bound.table.placed),
        changes,
        scope,
      );
      const shorts = new Map(columns.map(({ name, short }) => [name, short]));
      return new FlowTable(
        shown.columns.map((each) => ({ name: shorts.get(each.name) ?? each.name, flow: each.flow })),
        shown.more,
        NOTHING,
        shown.placed,
      );
    });
  }

  #transformed(start: FlowTable, changes: readonly TreeNode[], scope: NameScope): FlowTable {
    let { columns, more } = start;
    for (const change of changes) {
      if (change.kind.startsWith('EXCEPT')) {
        const without = exceptOf(change, scope);
        if (without === null) return unknownTable('the pattern of EXCEPT is not supported');
        columns = columns.filter(({ name }) => !without(name));
        more = more.map((each) => ({
          ...each,
          get: (name) => (without(name) ? unknownFlow(`column "${name}" is excluded`) : each.get(name)),
        }));
      } else if (change.kind.startsWith('REPLACE')) {
        const replaced = new Map(
          (change.parts.get('REPLACEMENTS') ?? []).map((each) => [
            attribute(each, 'name'),
            this.#values.of(each.parts.get('')?.[0], scope),
          ]),
        );
        columns = columns.map((each) => ({ name: each.name, flow: replaced.get(each.name) ?? each.flow }));
        more = more.map((each) => ({ ...each, get: (name) => replaced.get(name) ?? each.get(name) }));
      } else if (change.kind.startsWith('APPLY')) {
        const [applied] = change.parts.get('EXPRESSION') ?? [];
        columns = columns.map((each) => this.#applied(applied, each, scope));
        more = more.map((each) => ({
          ...each,
          get: (name) => unknownFlow(`column "${name}" of APPLY is not among the known columns of ${each.of}`),
        }));
      } else return unknownTable(`${change.kind} is not supported`);
    }
    return new FlowTable(columns, more, NOTHING, Math.min(start.placed, columns.length));
  }

  #applied(applied: TreeNode | undefined, { name, flow }: Column, scope: NameScope): Column {
    if (applied?.kind === 'FUNCTION') {
      const called = scope.shared.nameOf(attribute(applied, 'function_name'));
      const aggregate = scope.shared.functions.combinatorsOf(called) !== null;
      const kind = aggregate ? AGGREGATE : isCast(called) ? CAST : EXPRESSION;
      const parameters = itemsOf(applied, 'PARAMETERS').map((each) => nameOf(each, scope));
      const shown = parameters.length === 0 ? called : `${called}(${parameters.join(', ')})`;
      return { name: `${shown}(${name})`, flow: raised(flow, kind, masksOf(called, scope)) };
    }
    const [argument] = itemsOf(applied, 'ARGUMENTS');
    const [body] = applied?.parts.get('EXPRESSION') ?? [];
    if (applied === undefined || argument === undefined || body === undefined)
      return { name, flow: unknownFlow('the function of APPLY is not supported') };
    const value = this.#values.applied(applied, flow, scope);
    const parameter = pathOf(argument, scope).join('.');
    return { name: nameOf(body, scope, new Map([[parameter, name]])) ?? name, flow: value };
  }
}

function table(columns: readonly Column[]): FlowTable {
  return new FlowTable(columns, [], NOTHING);
}

function withReason(flow: Flow, reason: string): Flow {
  return { ...flow, reason: flow.reason ?? reason };
}

function tupleParts(flow: Flow): FlowTable {
  const unlisted = 'the parts of a tuple are not known';
  const more: MoreColumns = { of: 'a tuple', get: () => raised(flow, EXPRESSION), unlisted };
  return new FlowTable([], [more], NOTHING);
}

/** RE2 and JavaScript agree on these patterns. */
function patternOf(pattern: string): RegExp | null {
  if (/\\(?![dwsDWSbB.^$|()[\]{}*+?\\/-])|\(\?|\[\[:|\[\^?\]/.test(pattern)) return null;
  try {
    return new RegExp(pattern);
  } catch {
    return null;
  }
}

function exceptOf(change: TreeNode, scope: NameScope): ((name: string) => boolean) | null {
  const list = change.attributes.get('identifiers');
  if (list !== undefined) {
    const names = new Set(list.split(', ').map((each) => each.split('.').map(scope.shared.nameOf).join('.')));
    return (name) => names.has(name);
  }
  const pattern = patternOf(attribute(change, 'pattern'));
  return pattern === null ? null : (name) => pattern.test(name);
}

/** The name of an expression without an alias; null if it is not known. @param locals names of a lambda's arguments */
function nameOf(node: TreeNode, scope: NameScope, locals: ReadonlyMap<string, string> = new Map()): string | null {
  if (node.alias !== null) return node.alias;
  if (node.kind === 'CONSTANT') return constantName(node);
  if (node.kind === 'IDENTIFIER') {
    const path = pathOf(node, scope);
    const local = locals.get(path.join('.'));
    if (local !== undefined) return local;
    const found = tableOfPath(path, scope.from);
    return found === null ? path.join('.') : shortName(found.rest, found.of, scope.from);
  }
  if (node.kind === 'LAMBDA') {
    const names = itemsOf(node, 'ARGUMENTS').map((each) => pathOf(each, scope).join('.'));
    const [body] = node.parts.get('EXPRESSION') ?? [];
    const inner =
      body === undefined ? null : nameOf(body, scope, new Map([...locals, ...names.map((n) => [n, n] as const)]));
    return inner === null ? null : `lambda(tuple(${names.join(', ')}), ${inner})`;
  }
  if (node.kind !== 'FUNCTION') return null;
  const called = scope.shared.nameOf(attribute(node, 'function_name'));
  const listOf = (nodes: readonly TreeNode[]): string | null => {
    const names = nodes.map((each) => nameOf(each, scope, locals));
    return names.includes(null) ? null : names.join(', ');
  };
  const [args, parameters] = [listOf(argumentsOf(called, node)), listOf(itemsOf(node, 'PARAMETERS'))];
  if (args === null || parameters === null) return null;
  if (called === 'array') return `[${args}]`;
  if (called === 'tuple') return `(${args})`;
  const call = `${called}${parameters === '' ? '' : `(${parameters})`}(${args})`;
  return attribute(node, 'function_type') === 'window' ? windowName(call, node.parts.get('WINDOW')?.[0], scope) : call;
}

function windowName(call: string, window: TreeNode | undefined, scope: NameScope): string | null {
  if (window === undefined) return null;
  if (window.kind === 'IDENTIFIER') return `${call} OVER ${pathOf(window, scope).join('.')}`;
  const frame =
    attribute(window, 'frame_begin_type') + attribute(window, 'frame_end_type') + attribute(window, 'frame_type');
  if (frame !== 'unbounded precedingcurrentRANGE' || attribute(window, 'parent_window_name') !== '') return null;
  const partition = itemsOf(window, 'PARTITION BY').map((each) => nameOf(each, scope));
  const order = itemsOf(window, 'ORDER BY').map((each) => {
    const [value] = each.parts.get('EXPRESSION') ?? [];
    const name = value === undefined ? null : nameOf(value, scope);
    const direction = attribute(each, 'sort_direction') === 'ASCENDING' ? 'ASC' : 'DESC';
    return name === null || each.attributes.size > 2 ? null : `${name} ${direction}`;
  });
  if (partition.includes(null) || order.includes(null)) return null;
  const by = partition.length === 0 ? '' : `PARTITION BY ${partition.join(', ')}`;
  const ordered = order.length === 0 ? '' : `ORDER BY ${order.join(', ')}`;
  return `${call} OVER (${[by, ordered].filter((each) => each !== '').join(' ')})`;
}

/** The literal without the type marks of the tree: `Tuple_(UInt64_1, 'k')`. */
function constantName(node: TreeNode): string {
  const value = attribute(node, 'constant_value');
  if (attribute(node, 'constant_value_type') === 'Bool') return value.endsWith('1') ? 'true' : 'false';
  return value.replace(/('(?:[^'\\]|\\.)*')|\b[A-Z][A-Za-z]*\d*_/g, (_, text?: string) => text ?? '');
}
