// Resolves macro names to ids, for depends_on and for finding tests. src/context calls macros.
import type { MacroNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { stringRepr } from '../../values/index.ts';

type Namespace = Map<string, MacroNode>;

/** dbt's search order: the package itself, the root project, other packages, the built-in packages. */
export class MacroIds {
  readonly #internal = new Map<string, Namespace>();
  readonly #packages = new Map<string, Namespace>();
  readonly #internalFlat: Namespace = new Map();
  readonly #byName: Namespace = new Map();
  readonly #internalNames: readonly string[];

  constructor(macros: Iterable<MacroNode>, rootPackage: string, internalPackages: readonly string[]) {
    this.#internalNames = internalPackages;
    for (const macro of macros) {
      const table = internalPackages.includes(macro.package_name) ? this.#internal : this.#packages;
      const namespace = table.get(macro.package_name);
      if (namespace === undefined) table.set(macro.package_name, new Map([[macro.name, macro]]));
      else namespace.set(macro.name, macro);
    }
    for (const name of [...internalPackages].reverse())
      for (const macro of this.#internal.get(name)?.values() ?? []) this.#internalFlat.set(macro.name, macro);
    for (const [name, macro] of this.#internalFlat) this.#byName.set(name, macro);
    for (const namespace of this.#packages.values())
      for (const [name, macro] of namespace) this.#byName.set(name, macro);
    for (const [name, macro] of this.#packages.get(rootPackage) ?? []) this.#byName.set(name, macro);
  }

  /** The macro that `name` refers to inside a package. */
  get(localPackage: string, name: string): MacroNode | undefined {
    const own = this.#internalNames.includes(localPackage)
      ? this.#internal.get(localPackage)
      : this.#packages.get(localPackage);
    return own?.get(name) ?? this.#byName.get(name);
  }

  /**
   * Finds a macro in one package (`dbt` means all built-in ones), or in any package if it is null; undefined if not
   * found.
   */
  fromPackage(packageName: string | null, name: string): MacroNode | undefined {
    if (packageName === null) return this.#byName.get(name);
    if (packageName === 'dbt') return this.#internalFlat.get(name);
    return this.#packages.get(packageName)?.get(name);
  }
}

/** Search order of `adapter.dispatch`. */
export interface DispatchOptions {
  readonly rootPackage: string;
  readonly adapterType: string;
  /** `dispatch:` of the root project. */
  readonly dispatch: readonly { readonly macro_namespace: string; readonly search_order: readonly string[] }[];
  readonly dependencies: readonly string[];
}

/**
 * Resolves `adapter.dispatch(name, namespace)`.
 * @throws TsdbtError with dbt's message, which lists every name that was tried
 */
export function dispatchedMacro(
  ids: MacroIds,
  name: string,
  namespace: string | null,
  options: DispatchOptions,
): MacroNode {
  if (name.includes('.')) {
    const dot = name.indexOf('.');
    throw errorOf('dispatchedNameWithDot', { macro: name, name: name.slice(dot + 1), namespace: name.slice(0, dot) });
  }
  const attempts: string[] = [];
  for (const packageName of searchedPackages(namespace, options)) {
    for (const prefix of [options.adapterType, 'default']) {
      const candidate = `${prefix}__${name}`;
      const found = ids.fromPackage(packageName, candidate);
      if (found !== undefined) return found;
      attempts.push(packageName === null ? candidate : `${packageName}.${candidate}`);
    }
  }
  throw errorOf('dispatchedMacroMissing', {
    macro: name,
    namespace: namespace ?? 'None',
    macros: attempts.map(stringRepr).join(', '),
  });
}

function searchedPackages(namespace: string | null, options: DispatchOptions): readonly (string | null)[] {
  if (namespace === null) return [null];
  const configured = options.dispatch.find((entry) => entry.macro_namespace === namespace);
  if (configured !== undefined && configured.search_order.length > 0) return configured.search_order;
  return options.dependencies.includes(namespace) ? [options.rootPackage, namespace] : [null];
}
