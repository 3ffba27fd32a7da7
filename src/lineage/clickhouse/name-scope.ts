// The names that are visible at one place of a ClickHouse query. The engine looks for a name among the arguments of a
// lambda, then among the aliases of the query, then among the columns of FROM, then in the outer query.
import { EXPRESSION, type Flow, Gathered, NOTHING, raised, unknownFlow } from '../flow.ts';
import type { Masks } from '../masks.ts';
import type { FlowTable, MoreColumns } from '../query-scope.ts';
import type { EngineFunctions } from './clickhouse-engine.ts';
import type { TreeNode } from './query-tree.ts';

/** One relation in FROM. */
export interface BoundTable {
  readonly alias: string | null;
  /** Parts of a relation's name; empty for anything else. */
  readonly path: readonly string[];
  readonly table: FlowTable;
}

/** FROM with its joins. */
export interface JoinedTables {
  readonly tables: readonly BoundTable[];
  readonly joins: number;
  /** Columns of USING. */
  readonly merged: ReadonlyMap<string, Flow>;
  /** Whether the value of a USING column is that of the right side. */
  readonly keepsRight: boolean;
  /** Columns of ARRAY JOIN, by name. */
  readonly elements: ReadonlyMap<string, Flow>;
  /** What `*` stands for; each column with the index of its table. */
  readonly star: readonly { readonly name: string; readonly flow: Flow; readonly of: number }[];
}

export interface NameScope {
  readonly outer: NameScope | null;
  /** Whether only WITH and constants of the outer queries are visible, as in FROM. */
  readonly isolated: boolean;
  readonly ctes: ReadonlyMap<string, () => FlowTable | null>;
  readonly aliases: ReadonlyMap<string, TreeNode>;
  readonly withAliases: ReadonlySet<string>;
  /** Arguments of a lambda. */
  readonly locals: ReadonlyMap<string, Flow>;
  readonly windows: ReadonlyMap<string, TreeNode>;
  /** Aliases that are being resolved: within them, their name is a column. */
  readonly resolving: Set<string>;
  /** Aliases that were passed over because of that. */
  readonly passedOver: Set<string>;
  readonly known: Map<TreeNode, Flow>;
  /** What decides which rows the query has. */
  readonly rows: Gathered;
  from: JoinedTables;
  readonly shared: SharedContext;
}

export interface SharedContext {
  readonly functions: EngineFunctions;
  readonly masks: Masks;
  /** A relation that is not a CTE. */
  relation(path: readonly string[]): FlowTable;
  /** The names of a word of the tree. */
  nameOf(word: string): string;
  readonly columnLists: ReadonlyMap<string, readonly string[]>;
}

export const NO_TABLES: JoinedTables = {
  tables: [],
  joins: 0,
  merged: new Map(),
  keepsRight: false,
  elements: new Map(),
  star: [],
};

/** Among the aliases that were passed over: one that is not the innermost. */
const ENTANGLED = '';

type Evaluate = (node: TreeNode, scope: NameScope) => Flow;
/** A column, or tables that may have it without listing it. */
interface Found {
  readonly flow: Flow | null;
  readonly possible: readonly MoreColumns[];
}

/** Columns that every table of the engine can have. */
const VIRTUAL = new Set(
  (
    '_block_number _block_offset _database _part _part_index _part_offset _part_uuid _partition_id _partition_value ' +
    '_row_exists _sample_factor _table'
  ).split(' '),
);

/** @param path parts of the name @param evaluate finds the value of an alias */
export function identifierFlow(path: readonly string[], start: NameScope, evaluate: Evaluate): Flow {
  const [name = ''] = path;
  const own = (flow: Flow): Flow => (path.length === 1 ? flow : raised(flow, EXPRESSION));
  const possible: MoreColumns[] = [];
  let isolated = false;
  let leaked: Flow | null = null;
  for (let scope: NameScope | null = start; scope !== null; scope = scope.outer) {
    const local = scope.locals.get(name);
    if (local !== undefined) return own(local);
    const alias = scope.aliases.get(name);
    let aliased: Flow | null = null;
    if (alias !== undefined && scope.resolving.has(name))
      scope.passedOver.add([...scope.resolving].at(-1) === name ? name : ENTANGLED);
    else if (alias !== undefined && alias.kind !== 'LAMBDA') aliased = own(evaluate(alias, scope));
    if (aliased !== null && isolated && !scope.withAliases.has(name)) {
      leaked ??= aliased;
      aliased = null;
    }
    if (aliased !== null && (path.length === 1 || isolated))
      return possible.length === 0 ? aliased : eitherOf(path, possible, 'an alias of an outer query');
    const found: Found = isolated ? { flow: null, possible: [] } : tablesFlow(path, scope.from);
    if (aliased !== null) {
      if (found.flow === null && !scope.from.tables.some(({ alias: of, path: of2 }) => name === (of ?? of2.at(-1))))
        return aliased;
      return found.flow === null || path.length > 2
        ? unknownFlow(`"${path.join('.')}" can be an alias or a column`)
        : found.flow;
    }
    if (found.flow !== null)
      return possible.length === 0 ? found.flow : eitherOf(path, possible, 'a column of an outer query');
    possible.push(...found.possible);
    isolated ||= scope.isolated;
  }
  const [only, other] = possible;
  if (only !== undefined && other === undefined) return hiddenFlow(path, only);
  if (only !== undefined)
    return unknownFlow(`column "${name}" can be of ${only.of} or ${other?.of}, whose columns are not known`);
  if (leaked !== null) return leaked;
  if (VIRTUAL.has(path.at(-1) ?? '')) return NOTHING;
  return unknownFlow(`column "${path.join('.')}" is not found`);
}

function eitherOf(path: readonly string[], [first]: readonly MoreColumns[], other: string): Flow {
  return unknownFlow(`"${path.join('.')}" can be a column of ${first?.of}, whose columns are not known, or ${other}`);
}

/** A column that is not listed, or a part of its value. */
function hiddenFlow([name = '', ...parts]: readonly string[], more: MoreColumns): Flow {
  const flow = more.get(name);
  return parts.length === 0 ? flow : raised(flow, EXPRESSION);
}

/** How many parts of the path are the table's alias or name; 0: it is another table. */
export function qualifies({ alias, path: own }: BoundTable, path: readonly string[]): number {
  const [first, second] = path;
  if (path.length > 1 && (first === alias || first === own.at(-1))) return 1;
  return path.length > 2 && own.length === 2 && first === own[0] && second === own[1] ? 2 : 0;
}

/** A listed column of a table, or a part of its value. */
function listedFlow(table: FlowTable, path: readonly string[]): Flow | undefined {
  const whole = table.find(path.join('.'));
  if (whole !== undefined) return whole;
  for (let end = path.length - 1; end > 0; end--) {
    const column = table.find(path.slice(0, end).join('.'));
    if (column !== undefined) return raised(column, EXPRESSION);
  }
  // The columns of a Nested are `name.part`.
  const start = `${path.join('.')}.`;
  const nested = table.columns.filter(({ name }) => name.startsWith(start));
  if (nested.length === 0) return undefined;
  const all = new Gathered();
  for (const { flow } of nested) all.add(flow, EXPRESSION);
  return all;
}

function tablesFlow(path: readonly string[], from: JoinedTables): Found {
  const none: Found = { flow: null, possible: [] };
  const element = from.elements.get(path.join('.')) ?? from.elements.get(path[0] ?? '');
  if (element !== undefined) return { ...none, flow: path.length === 1 ? element : raised(element, EXPRESSION) };
  const using = path.length === 1 ? from.merged.get(path[0] ?? '') : undefined;
  if (using !== undefined) return { ...none, flow: using };
  const plain = from.tables.map(({ table }) => listedFlow(table, path));
  const listed = plain.findIndex((flow) => flow !== undefined);
  const qualified = from.tables.filter((table) => qualifies(table, path) > 0);
  const [table] = qualified;
  if (table !== undefined) {
    // The left one takes precedence. An alias hides the name of a table after it only if it is its own.
    if (qualified.length > 1 && table.alias !== null && table.alias !== path[0])
      return { ...none, flow: unknownFlow(`"${path[0]}" is the name of several tables in FROM`) };
    if (listed >= 0) {
      const whole = from.tables[listed]?.table.find(path.join('.'));
      if (whole !== undefined) return { ...none, flow: whole };
    }
    const rest = path.slice(qualifies(table, path));
    const flow = listedFlow(table.table, rest);
    const more = table.table.more[0];
    const found = flow ?? (more === undefined ? undefined : hiddenFlow(rest, more));
    if (found === undefined) {
      const flowOfPart = plain[listed];
      return {
        ...none,
        flow: flowOfPart ?? unknownFlow(`column "${rest.join('.')}" is not among the columns of "${path[0]}"`),
      };
    }
    if (listed >= 0) return { ...none, flow: unknownFlow(`"${path.join('.')}" can be a column or a part of a value`) };
    return { ...none, flow: found };
  }
  const hidden = from.tables.map(({ table }) => table.more[0]);
  if (listed < 0) return { ...none, possible: hidden.flatMap((more) => more ?? []) };
  const several = plain.filter((flow) => flow !== undefined).length > 1;
  if (several && from.joins > 1) return { ...none, flow: unknownFlow(`column "${path.join('.')}" is ambiguous`) };
  // The left side of a single join takes precedence.
  const before = from.joins > 1 ? undefined : hidden.slice(0, listed).find((more) => more !== undefined);
  if (before !== undefined)
    return { ...none, flow: eitherOf(path, [before], 'one of the table that it is joined with') };
  return { ...none, flow: plain[listed] ?? null };
}

/** The output name of a column of FROM; null if it depends on columns that are not known. */
export function shortName(name: string, of: number, from: JoinedTables): string | null {
  const table = from.tables[of];
  const qualifier = table?.alias ?? table?.path.at(-1);
  const full = qualifier === undefined ? name : `${qualifier}.${name}`;
  if (from.elements.has(name) && !from.star.some((each) => each.of === of && from.elements.get(name) === each.flow))
    return full;
  const leftOfOne = from.joins <= 1 && of === 0;
  if (leftOfOne && !(from.merged.has(name) && from.keepsRight)) return name;
  const others = from.tables.filter((_, at) => at !== of);
  if (others.some((each) => listedFlow(each.table, [name]) !== undefined)) return full;
  return others.some((each) => each.table.more.length > 0) ? null : name;
}

/** The table of FROM that a path names, with the rest of the path. */
export function tableOfPath(path: readonly string[], from: JoinedTables): { of: number; rest: string } | null {
  const whole = path.join('.');
  if (from.elements.has(whole) || from.tables.some(({ table }) => table.find(whole) !== undefined)) return null;
  for (const [of, table] of from.tables.entries()) {
    const parts = qualifies(table, path);
    if (parts > 0) return { of, rest: path.slice(parts).join('.') };
  }
  return null;
}
