// Which macro a name means, as ids: for depends_on and for finding tests. Leaves calling macros to src/context.
import type { MacroNode } from '../../contracts/node.ts';

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

  /** The macro that `name` means inside a package. */
  get(localPackage: string, name: string): MacroNode | undefined {
    const own = this.#internalNames.includes(localPackage)
      ? this.#internal.get(localPackage)
      : this.#packages.get(localPackage);
    return own?.get(name) ?? this.#byName.get(name);
  }

  /**
   * The macro of one package only (`dbt` stands for all built-in ones), or of any when it is null; undefined when there
   * is none.
   */
  fromPackage(packageName: string | null, name: string): MacroNode | undefined {
    if (packageName === null) return this.#byName.get(name);
    if (packageName === 'dbt') return this.#internalFlat.get(name);
    return this.#packages.get(packageName)?.get(name);
  }
}

/** What `adapter.dispatch(name, namespace)` finds. */
export function dispatchedMacro(
  ids: MacroIds,
  name: string,
  namespace: string | null,
  rootPackage: string,
  adapterType: string,
  dispatch: readonly { readonly macro_namespace: string; readonly search_order: readonly string[] }[],
  dependencies: readonly string[],
): MacroNode | undefined {
  let packages: readonly (string | null)[] = [null];
  if (namespace !== null) {
    const configured = dispatch.find((entry) => entry.macro_namespace === namespace);
    if (configured !== undefined) packages = configured.search_order;
    else if (dependencies.includes(namespace)) packages = [rootPackage, namespace];
  }
  for (const packageName of packages) {
    for (const prefix of [adapterType, 'default']) {
      const found = ids.fromPackage(packageName, `${prefix}__${name}`);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
