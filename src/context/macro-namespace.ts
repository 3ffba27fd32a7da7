// A package as a template value (`dbt_utils.star`): its macros by attribute or key, bound on access.
import type { MacroNode } from '../contracts/node.ts';
import { didYouMean } from '../values/close-matches.ts';
import { type Callable, callable, type HostObject, toText, type Value } from '../values/index.ts';

/** Macros by name; a Map qualifies. */
export interface MacrosByName {
  readonly size: number;
  get(name: string): MacroNode | undefined;
  has(name: string): boolean;
  keys(): Iterable<string>;
  values(): Iterable<MacroNode>;
}

export class MacroNamespace implements HostObject {
  readonly jinjaType = 'dbt.context.macros.MacroNamespace';
  readonly #macros: MacrosByName;
  readonly #bind: (macro: MacroNode) => Callable;
  readonly #overrides = new Map<string, Value>();

  constructor(macros: MacrosByName, bind: (macro: MacroNode) => Callable) {
    this.#macros = macros;
    this.#bind = bind;
  }

  /** Replaces a macro by a value (unit tests). */
  override(name: string, value: Value): void {
    this.#overrides.set(name, value);
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'get':
        return callable(name, 'key, default=None', (key, fallback) => this.jinjaItem(key ?? null) ?? fallback ?? null);
      case 'keys':
        return callable(name, '', () => [...this.#macros.keys()]);
      case 'values':
        return callable(name, '', () => [...this.#macros.values()].map(this.#bind));
      default:
        return this.jinjaItem(name);
    }
  }

  jinjaItem(key: Value): Value | undefined {
    const name = toText(key);
    const override = this.#overrides.get(name);
    if (override !== undefined) return override;
    const macro = this.#macros.get(name);
    return macro === undefined ? undefined : this.#bind(macro);
  }

  jinjaSuggest(name: string): string | undefined {
    return didYouMean(name, this.#macros.keys());
  }

  jinjaIter(): Iterable<Value> {
    return this.#macros.keys();
  }

  jinjaLength(): number {
    return this.#macros.size;
  }

  jinjaContains(item: Value): boolean {
    return typeof item === 'string' && this.#macros.has(item);
  }
}
