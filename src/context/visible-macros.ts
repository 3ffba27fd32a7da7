// The macros that a generic test sees during parsing: those that its own macro calls, directly or indirectly, according
// to the macros' texts. A macro that only the test's YAML names is undefined there and is not a dependency.
import type { MacroNode } from '../contracts/node.ts';
import type { MacroResolver } from './macro-resolver.ts';

export interface VisibleMacros {
  readonly byName: ReadonlyMap<string, MacroNode>;
  readonly byPackage: ReadonlyMap<string, ReadonlyMap<string, MacroNode>>;
}

/** Finds the visible macros. Results are kept, because most tests share a few macros. */
export class VisibleMacroLookup {
  readonly #resolver: MacroResolver;
  readonly #known = new Map<string, VisibleMacros>();

  constructor(resolver: MacroResolver) {
    this.#resolver = resolver;
  }

  /** @param testMacros unique_ids of the test's dependencies before it is rendered */
  of(testMacros: readonly string[]): VisibleMacros {
    const key = testMacros.join(' ');
    let visible = this.#known.get(key);
    if (visible === undefined) this.#known.set(key, (visible = this.#reachable(testMacros)));
    return visible;
  }

  #reachable(testMacros: readonly string[]): VisibleMacros {
    const byName = new Map<string, MacroNode>();
    const byPackage = new Map<string, Map<string, MacroNode>>();
    const seen = new Set<string>();
    const visit = (uniqueId: string): void => {
      const macro = seen.has(uniqueId) ? undefined : this.#resolver.get(uniqueId);
      seen.add(uniqueId);
      if (macro === undefined) return;
      byName.set(macro.name, macro);
      let table = byPackage.get(macro.package_name);
      if (table === undefined) byPackage.set(macro.package_name, (table = new Map()));
      table.set(macro.name, macro);
      macro.depends_on.macros.forEach(visit);
    };
    // Wraps every test's `model` argument.
    const subquery = this.#resolver.findAnywhere('get_where_subquery');
    if (subquery !== undefined) visit(subquery.unique_id);
    testMacros.forEach(visit);
    return { byName, byPackage };
  }
}
