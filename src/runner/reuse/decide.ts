// Decides whether a node runs or is reused, from its recorded state and facts about the present. Pure. In doubt the
// node runs.

import type { GraphNode } from '../../contracts/node.ts';
import type { RunResult } from '../../contracts/results.ts';
import { isDictionary } from '../../values/is-dictionary.ts';

/** What the runner calls for each node of a build with `--reuse`. */
export interface Reuse {
  /** Decides about a node whose parents have ended. @returns its result if it is reused without being compiled */
  early(node: GraphNode, thread: string): Promise<RunResult | null>;
  /** Decides about a node that has been compiled. @returns its result if it is reused */
  compiled(node: GraphNode, thread: string): RunResult | null;
  /** Called when a node has ended, before its readers start. */
  ended(node: GraphNode, result: RunResult): Promise<void>;
}

/** A node's relation when it was built. */
export interface BuiltRelation {
  readonly identity: string;
  readonly counter: string | null;
  /** Changes with every write to the rows; null for a view. */
  readonly written: string | null;
}

/** Hashes of everything in the project that determines what a node builds. */
export interface Fingerprint {
  readonly sql: string;
  readonly config: string;
  /** Macros that are called after compilation: those of hooks and of the materialization. */
  readonly macros: string;
}

/** What the last run of a node took. */
export interface Took {
  readonly seconds: number;
  /** Rows that it wrote, if the database says so. */
  readonly rows: number | null;
}

/** What is recorded about a node that was built or tested. */
export interface NodeState {
  /** Hash of project, variables, environment and target: if it is the same, so is the fingerprint. */
  readonly key: string;
  readonly print: Fingerprint;
  /** Null for a test. */
  readonly out: BuiltRelation | null;
  /** The version of its columns and rows that readers compare, as `shape.rows`. */
  readonly version: string;
  /** Versions of what it read, by unique_id. */
  readonly inputs: Readonly<Record<string, string>>;
  /** A call whose result changes by itself; null: none. */
  readonly volatile: string | null;
  /** Whether compiling again may give another text although the project is the same. */
  readonly dynamic: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly took?: Took;
  /** The result of a test. */
  readonly result: {
    readonly status: string;
    readonly failures: number | null;
    readonly message: string | null;
  } | null;
}

/** @returns undefined for anything else: another user of the database may have written it */
export function readState(text: string): NodeState | undefined {
  let state: NodeState;
  try {
    state = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isDictionary(state)) return undefined;
  const { key, print, version, inputs, volatile, at, out, result, took = { seconds: 0, rows: null } } = state;
  const texts = (...values: readonly unknown[]): boolean => values.every((value) => typeof value === 'string');
  const orNull = (value: unknown, type: string): boolean => value === null || typeof value === type;
  const valid =
    isDictionary(print) &&
    texts(key, version, print.sql, print.config, print.macros) &&
    isDictionary(inputs) &&
    texts(...Object.values(inputs)) &&
    orNull(volatile, 'string') &&
    typeof at === 'number' &&
    (out === null || (isDictionary(out) && texts(out.identity))) &&
    (result === null ||
      (isDictionary(result) &&
        texts(result.status) &&
        orNull(result.failures, 'number') &&
        orNull(result.message, 'string'))) &&
    isDictionary(took) &&
    typeof took.seconds === 'number' &&
    orNull(took.rows, 'number');
  return valid ? state : undefined;
}

/** Facts about a node in this run. */
export interface Present {
  readonly key: string;
  /** A reason why the node always runs; null: it may be reused. */
  readonly always: string | null;
  /** How its relation differs from what was built; null: not at all, or the node has no relation. */
  readonly relation: string | null;
  /** Current versions of what it reads; null: unknown. */
  readonly inputs: ReadonlyMap<string, string | null>;
  /** Whether new rows of its inputs do not concern it, because it is a view. */
  readonly passesRows: boolean;
  /** Inputs that ran in this command. */
  readonly ran: ReadonlySet<string>;
  /** Milliseconds for which a volatile node may be reused. */
  readonly maxAge: number | null;
  readonly now: number;
}

/** `compile`: it depends on the compiled text. */
export interface Decision {
  readonly what: 'run' | 'reuse' | 'compile';
  readonly reason: string;
}

const run = (reason: string): Decision => ({ what: 'run', reason });

/** Decides before the node is compiled. */
export function decideEarly(known: NodeState | undefined, present: Present): Decision {
  const { always, relation, key, now, maxAge } = present;
  if (always !== null) return run(always);
  if (known === undefined) return run('it has no recorded state');
  if (known.result !== null && known.result.status !== 'pass') return run(`its last result is ${known.result.status}`);
  if (relation !== null) return run(relation);
  const changed = changedInput(known, present);
  if (changed !== null) return run(changed);
  if (known.volatile !== null && (maxAge === null || now - known.at >= maxAge))
    return run(`it contains ${known.volatile}, whose value changes`);
  if (known.key === key && !known.dynamic) return { what: 'reuse', reason: unchanged(known) };
  return { what: 'compile', reason: 'the project has changed' };
}

/** Decides after compilation. */
export function decideCompiled(known: NodeState, print: Fingerprint): Decision {
  if (known.print.config !== print.config) return run('its config has changed');
  if (known.print.sql !== print.sql) return run('its SQL has changed');
  if (known.print.macros !== print.macros) return run('a macro of its hooks or materialization has changed');
  return { what: 'reuse', reason: unchanged(known) };
}

function unchanged({ result }: NodeState): string {
  return result === null ? 'nothing that it depends on has changed' : 'it passed on the same rows';
}

/** The first input that has changed, with how; null: none. */
function changedInput(known: NodeState, { inputs, passesRows, ran }: Present): string | null {
  for (const [id, version] of inputs) {
    const before = known.inputs[id];
    if (before === undefined) return `it did not read ${id} before`;
    if (version === null) {
      if (passesRows) continue;
      return `it is not known whether ${id} has changed`;
    }
    if (version === before) continue;
    if (shapeOf(version) !== shapeOf(before)) return `the columns of ${id} have changed`;
    if (!passesRows) return ran.has(id) ? `${id} ran and changed data` : `${id} has changed`;
  }
  for (const id of Object.keys(known.inputs)) if (!inputs.has(id)) return `it does not read ${id} any more`;
  return null;
}

function shapeOf(version: string): string {
  return version.slice(0, version.indexOf('.'));
}
