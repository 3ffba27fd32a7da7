// Calls the user's generate_*_name macros and caches results that are determined by the node fields they read.
// config/relation-names.ts has the built-in rule and decides which macro replaces it.
import {
  createGenerateNameScope,
  NAME_MEMBER_NAMES,
  type NameScopeNotices,
  type ParseScope,
} from '../../context/parse.ts';
import type { ContextNode, ContextSettings } from '../../context/provider.ts';
import { repeatableNames, type RepeatableNames } from '../../context/repeatable.ts';
import type { MacroResolver } from '../../context/macro-resolver.ts';
import type { MacroNode } from '../../contracts/node.ts';
import { fromJson, settleSync, toJson, type Value } from '../../values/index.ts';
import type { NodeLayers } from '../config/relation-names.ts';

/** A step of a cached decision: a node field that the macro reads next, or its result. */
type Step = { readonly field: string; readonly next: Map<unknown, Step> } | { readonly result: string | null };

/** A macro with its scope and its cached results by custom name. */
interface NameMacro {
  readonly scope: ParseScope;
  readonly known: Map<string | null, Step>;
  /** Whether nothing that ran in the scope can change the result of a later call. */
  repeatable: boolean;
}

/** The name macros of one parse. */
export class NameMacros {
  readonly #context: ContextSettings;
  readonly #resolver: MacroResolver;
  readonly #textReaders: Set<string>;
  readonly #macros = new Map<string, NameMacro>();

  /** @param textReaders ids of nodes whose text a template read; grows */
  constructor(context: ContextSettings, resolver: MacroResolver, textReaders: Set<string>) {
    this.#context = context;
    this.#resolver = resolver;
    this.#textReaders = textReaders;
  }

  /** Returns the name from a macro; null if it returns None. */
  generate(macro: MacroNode, custom: unknown, node: NodeLayers): string | null {
    let known = this.#macros.get(macro.unique_id);
    if (known === undefined) this.#macros.set(macro.unique_id, (known = this.#open(macro)));
    if (!known.repeatable || (custom !== null && typeof custom !== 'string'))
      return this.#call(known, macro, custom, new ReadNode(node, this.#textReaders));
    let step = known.known.get(custom);
    while (step !== undefined && 'field' in step) step = step.next.get(keyOf(fieldOf(node, step.field)));
    if (step !== undefined) return step.result;
    const shown = new ReadNode(node, this.#textReaders);
    const result = this.#call(known, macro, custom, shown);
    if (known.repeatable && shown.keepable && (result === null || typeof result === 'string'))
      keep(known.known, custom, shown.read, result);
    return result;
  }

  #call({ scope }: NameMacro, macro: MacroNode, custom: unknown, shown: ReadNode): string | null {
    const name = scope.bind(macro)([fromJson(custom), shown], new Map()) as Value;
    // dbt accepts any type of result from the macro.
    return toJson(settleSync(name)) as string | null;
  }

  #open(macro: MacroNode): NameMacro {
    const notices: NameScopeNotices = {
      onBind: (bound) => {
        if (opened.repeatable) opened.repeatable = this.#isRepeatable(bound);
      },
      onText: () => void (opened.repeatable = false),
    };
    const opened: NameMacro = {
      scope: createGenerateNameScope(this.#context, this.#resolver, macro as unknown as ContextNode, notices),
      known: new Map(),
      repeatable: true,
    };
    return opened;
  }

  #isRepeatable(macro: MacroNode): boolean {
    const trees = this.#resolver.compiled(macro).macros.map((each) => each.ast);
    return repeatableNames(trees, NAMES) !== null;
  }
}

/** Names of the context that are stable during a parse. */
const STEADY: ReadonlySet<string> = new Set([
  ...['target', 'project_name', 'dbt_version', 'execute', 'database', 'schema', 'invocation_id', 'run_started_at'],
  ...['modules', 'exceptions', 'adapter', 'var', 'env_var'],
]);
const GLOBALS: ReadonlySet<string> = new Set(['context', 'builtins', 'lipsum', 'cycler', 'joiner', 'caller']);

/** Macros report themselves when they are bound, so every other name counts as one. */
const NAMES: RepeatableNames = {
  steady: (name) => STEADY.has(name) || !(NAME_MEMBER_NAMES.has(name) || GLOBALS.has(name)),
  callable: (name, member) =>
    name === 'adapter'
      ? member === 'dispatch'
      : name === 'exceptions'
        ? member?.startsWith('raise_') === true
        : name === 'var' || name === 'env_var'
          ? member === null
          : !(NAME_MEMBER_NAMES.has(name) || GLOBALS.has(name)),
};

function keep(
  known: Map<string | null, Step>,
  custom: string | null,
  read: ReadonlyMap<string, unknown>,
  result: string | null,
): void {
  let map = known as Map<unknown, Step>;
  let key: unknown = custom;
  for (const [field, value] of read) {
    let step = map.get(key);
    if (step === undefined) map.set(key, (step = { field, next: new Map() }));
    if (!('field' in step) || step.field !== field) return;
    map = step.next;
    key = keyOf(value);
  }
  map.set(key, { result });
}

/** A key that distinguishes values. Objects are compared by identity, lists of texts by content. */
function keyOf(value: unknown): unknown {
  if (typeof value === 'string') return `'${value}`;
  return Array.isArray(value) ? JSON.stringify(value) : value;
}

const ABSENT = Symbol('no such field');

/** Returns the value of a field; the last layer that has it wins. */
function fieldOf(layers: NodeLayers, name: string): unknown {
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i] as { readonly [key: string]: unknown };
    if (Object.hasOwn(layer, name)) return layer[name];
  }
  return ABSENT;
}

/** Fields that are objects and never change once a node has them. */
const FIXED: ReadonlySet<string> = new Set(['config']);
const LISTS: ReadonlySet<string> = new Set(['fqn', 'tags']);

/** A node as seen by name macros, with attributes and keys. Records what is read. */
class ReadNode {
  readonly jinjaType = 'Node';
  /** Fields and their values, in order of first access. */
  readonly read = new Map<string, unknown>();
  /** Whether the recorded fields describe everything that was read. */
  keepable = true;
  readonly #layers: NodeLayers;
  readonly #textReaders: Set<string>;

  constructor(layers: NodeLayers, textReaders: Set<string>) {
    this.#layers = layers;
    this.#textReaders = textReaders;
  }

  #field(name: string): unknown {
    const value = fieldOf(this.#layers, name);
    this.read.set(name, value);
    if (typeof value === 'object' && value !== null && !FIXED.has(name) && !LISTS.has(name)) this.keepable = false;
    return value;
  }

  jinjaGet(name: Value): Value | undefined {
    if (typeof name !== 'string') return undefined;
    if (name === 'raw_code' || name === 'checksum') {
      this.keepable = false;
      this.#textReaders.add(String(this.#field('unique_id')));
    }
    const value = this.#field(name);
    return value === ABSENT ? undefined : fromJson(value);
  }

  jinjaItem(name: Value): Value | undefined {
    return this.jinjaGet(name);
  }

  jinjaText(): string {
    return String(this.#field('unique_id'));
  }
}
