// Resolves macro names: packages, overrides of the root project, internal packages, dispatch, materializations. Macros
// are compiled on their first call and kept for the whole command; scope.ts binds them to a node's scope.
import { errorOf } from '../error-table.ts';
import type { MacroNode } from '../contracts/node.ts';
import type { Project } from '../contracts/project.ts';
import type { Environment, MacroTemplate } from '../jinja/index.ts';
import type { MacrosByName } from './macro-namespace.ts';
import { isUnread, keysOf } from '../graph/unread-record.ts';
import { didYouMean } from '../values/close-matches.ts';
import { stringRepr } from '../values/index.ts';

/** An undecoded macro of a cached parse. */
class UnreadMacro {
  readonly unique_id: string;
  readonly package_name: string;
  readonly name: string;
  readonly #macros: Readonly<Record<string, MacroNode>>;

  constructor(macros: Readonly<Record<string, MacroNode>>, uniqueId: string) {
    // `macro.package.name`
    const from = uniqueId.indexOf('.') + 1;
    const to = uniqueId.indexOf('.', from);
    this.unique_id = uniqueId;
    this.package_name = uniqueId.slice(from, to);
    this.name = uniqueId.slice(to + 1);
    this.#macros = macros;
  }

  read(): MacroNode | undefined {
    return this.#macros[this.unique_id];
  }
}

type AnyMacro = MacroNode | UnreadMacro;

const read = (macro: AnyMacro | undefined): MacroNode | undefined =>
  macro instanceof UnreadMacro ? macro.read() : macro;

/** Macros of a manifest for `createMacroResolver`, decoded on first use. */
export function* macrosOf(macros: Readonly<Record<string, MacroNode>>): Generator<AnyMacro> {
  for (const id of keysOf(macros)) {
    const macro = isUnread(macros, id) ? new UnreadMacro(macros, id) : macros[id];
    if (macro !== undefined) yield macro;
  }
}

/** Macros by name, decoded on first use. */
class MacroTable implements MacrosByName {
  readonly #macros = new Map<string, AnyMacro>();

  get(name: string): MacroNode | undefined {
    return read(this.#macros.get(name));
  }

  has(name: string): boolean {
    return this.#macros.has(name);
  }

  keys(): Iterable<string> {
    return this.#macros.keys();
  }

  values(): MacroNode[] {
    return [...this.#macros.values()].flatMap((macro) => read(macro) ?? []);
  }

  get size(): number {
    return this.#macros.size;
  }

  set(name: string, macro: AnyMacro): void {
    this.#macros.set(name, macro);
  }

  addAll(table: MacroTable): void {
    for (const [name, macro] of table.#macros) this.#macros.set(name, macro);
  }
}

const NO_MACROS = new MacroTable();

/** The namespace of all internal packages: `dbt.x`. */
const GLOBAL_PACKAGE = 'dbt';

export interface MacroResolverOptions {
  readonly rootPackage: string;
  /** Internal packages in order of precedence: `['dbt_postgres', 'dbt']`. */
  readonly internalPackages: readonly string[];
  /** Dispatch prefixes tried before `default`: the adapter's type, then its parents. */
  readonly adapterTypes: readonly string[];
  /** The root project's `dispatch:`. */
  readonly dispatch: Project['dispatch'];
  /** Names of all packages, including those without macros. */
  readonly packages: Iterable<string>;
  /** Compiles macros. */
  readonly environment: Environment;
}

/** Returns the line on which a macro begins in its file, if the parser knows it. */
export type MacroLine = (macro: MacroNode) => number | undefined;

export class MacroResolver {
  readonly options: MacroResolverOptions;
  readonly #byPackage = new Map<string, MacroTable>();
  readonly #internals = new MacroTable();
  readonly #byId = new Map<string, AnyMacro>();
  /** Results of `find` by package and name; null if not found. */
  readonly #found = new Map<string, Map<string, MacroNode | null>>();
  readonly #compiled = new Map<string, MacroTemplate>();
  readonly #dispatched = new Map<string, MacroNode>();
  readonly #overridden = new Map<string, boolean>();
  readonly #packages: ReadonlySet<string>;
  #anywhere: MacroTable | undefined;
  readonly #lineOf: MacroLine | undefined;

  constructor(macros: Iterable<AnyMacro>, options: MacroResolverOptions, lineOf?: MacroLine) {
    this.options = options;
    this.#lineOf = lineOf;
    this.#packages = new Set(options.packages);
    for (const macro of macros) {
      let table = this.#byPackage.get(macro.package_name);
      if (table === undefined) this.#byPackage.set(macro.package_name, (table = new MacroTable()));
      table.set(macro.name, macro);
      this.#byId.set(macro.unique_id, macro);
    }
    for (const name of [...options.internalPackages].reverse())
      this.#internals.addAll(this.#byPackage.get(name) ?? NO_MACROS);
  }

  get(uniqueId: string): MacroNode | undefined {
    return read(this.#byId.get(uniqueId));
  }

  /** Resolves an unqualified name for a node of `fromPackage`. */
  find(name: string, fromPackage: string): MacroNode | undefined {
    let known = this.#found.get(fromPackage);
    if (known === undefined) this.#found.set(fromPackage, (known = new Map()));
    let macro = known.get(name);
    if (macro === undefined) known.set(name, (macro = this.#find(name, fromPackage) ?? null));
    return macro ?? undefined;
  }

  #find(name: string, fromPackage: string): MacroNode | undefined {
    // Within an internal package, too, the root project's macros come first.
    const own = this.options.internalPackages.includes(fromPackage) ? undefined : this.#byPackage.get(fromPackage);
    return own?.get(name) ?? this.#byPackage.get(this.options.rootPackage)?.get(name) ?? this.#internals.get(name);
  }

  /** Returns the macros of `name.x`; `undefined` if no package of that name has macros. */
  namespace(name: string): MacrosByName | undefined {
    if (name === GLOBAL_PACKAGE) return this.#internals;
    return this.options.internalPackages.includes(name) ? undefined : this.#byPackage.get(name);
  }

  /** The built-in macros: the namespace `dbt`. */
  get internalMacros(): MacrosByName {
    return this.#internals;
  }

  /** Whether a unique_id is that of a built-in macro. */
  isBuiltIn(uniqueId: string): boolean {
    return this.options.internalPackages.some((name) => uniqueId.startsWith(`macro.${name}.`));
  }

  isInternal(macro: MacroNode): boolean {
    return this.options.internalPackages.includes(macro.package_name);
  }

  /** Returns every namespace that templates can use. */
  namespaces(): string[] {
    return [
      ...[...this.#byPackage.keys()].filter((name) => !this.options.internalPackages.includes(name)),
      GLOBAL_PACKAGE,
    ];
  }

  /** Returns the unqualified names that a node of `fromPackage` can call. */
  names(fromPackage: string): Set<string> {
    return new Set([
      ...(this.#byPackage.get(fromPackage)?.keys() ?? []),
      ...(this.#byPackage.get(this.options.rootPackage)?.keys() ?? []),
      ...this.#internals.keys(),
    ]);
  }

  /** Returns names for suggestions: those in `names`, or of every package, without adapter-specific variants. */
  suggestions(fromPackage: string, anyPackage: boolean): string[] {
    const names = anyPackage ? this.#everyName() : [];
    return [...new Set([...names, ...this.names(fromPackage)])].filter(
      (name) => !name.includes('__') && !name.startsWith(MATERIALIZATION),
    );
  }

  /** Returns the names of all materializations. */
  materializationNames(): string[] {
    const known = this.#everyName().flatMap((name) => /^materialization_(.+)_[^_]+$/.exec(name)?.[1] ?? []);
    return [...new Set(known)];
  }

  #everyName(): string[] {
    return [...this.#byPackage.values()].flatMap((table) => [...table.keys()]);
  }

  /** Resolves an unqualified name in any package: the root project, then other packages, then internal ones. */
  findAnywhere(name: string): MacroNode | undefined {
    if (this.#anywhere === undefined) {
      this.#anywhere = new MacroTable();
      this.#anywhere.addAll(this.#internals);
      for (const [packageName, table] of this.#byPackage)
        if (!this.options.internalPackages.includes(packageName)) this.#anywhere.addAll(table);
      this.#anywhere.addAll(this.#byPackage.get(this.options.rootPackage) ?? NO_MACROS);
    }
    return this.#anywhere.get(name);
  }

  /**
   * `adapter.dispatch(name, namespace)` for a node of `fromPackage`.
   *
   * @param anyPackage whether every package is searched if there is no namespace, as dbt does when it parses generic
   *   tests
   * @throws TsdbtError with dbt's message, which lists every name that was tried
   */
  dispatch(name: string, namespace: string | null, fromPackage: string, anyPackage = false): MacroNode {
    const key = `${name} ${namespace ?? ''} ${fromPackage} ${anyPackage}`;
    let macro = this.#dispatched.get(key);
    if (macro === undefined)
      this.#dispatched.set(key, (macro = this.#findDispatched(name, namespace, fromPackage, anyPackage)));
    return macro;
  }

  /**
   * Returns true if the project or a package overrides the macro that the adapter calls by this name, by name or by
   * dispatch.
   */
  overridden(name: string): boolean {
    let known = this.#overridden.get(name);
    if (known === undefined) this.#overridden.set(name, (known = this.#isOverridden(name)));
    return known;
  }

  #isOverridden(name: string): boolean {
    const macro = this.findAnywhere(name);
    if (macro !== undefined && !this.isInternal(macro)) return true;
    // A macro that is not dispatched has no variants.
    if (!this.#internals.has(`default__${name}`)) return false;
    return !this.isInternal(this.dispatch(name, GLOBAL_PACKAGE, this.options.rootPackage));
  }

  #findDispatched(name: string, namespace: string | null, fromPackage: string, anyPackage: boolean): MacroNode {
    if (name.includes('.')) {
      const [suggestedNamespace, ...rest] = name.split('.');
      throw errorOf('dispatchWithDot', { macro: name, rest: rest.join('.'), namespace: `${suggestedNamespace}` });
    }
    const attempts: string[] = [];
    for (const packageName of this.#searchOrder(namespace)) {
      for (const prefix of [...this.options.adapterTypes, 'default']) {
        const candidate = `${prefix}__${name}`;
        const macro =
          packageName !== null
            ? this.namespace(packageName)?.get(candidate)
            : anyPackage
              ? this.findAnywhere(candidate)
              : this.find(candidate, fromPackage);
        if (macro !== undefined) return macro;
        attempts.push(packageName === null ? candidate : `${packageName}.${candidate}`);
      }
    }
    throw errorOf(
      'dispatchFoundNothing',
      { macro: name, namespace: namespace ?? 'None', attempts: attempts.map(stringRepr).join(', ') },
      { hint: didYouMean(name, this.#dispatchable(namespace)) },
    );
  }

  /** Suggests a macro for an unknown name, in one package or in all. */
  suggestion(name: string, packageName?: string): string | undefined {
    const tables =
      packageName === undefined ? [...this.#byPackage.values()] : [this.namespace(packageName) ?? NO_MACROS];
    return didYouMean(
      name,
      tables.flatMap((table) => [...table.keys()]),
    );
  }

  /** Returns names with adapter-specific variants, in one package or in all. */
  #dispatchable(namespace: string | null): Set<string> {
    const tables = namespace === null ? [...this.#byPackage.values()] : [this.namespace(namespace) ?? NO_MACROS];
    return new Set(
      tables.flatMap((table) => [...table.keys()]).flatMap((key: string) => /^[^_]+__(.+)$/.exec(key)?.[1] ?? []),
    );
  }

  #searchOrder(namespace: string | null): readonly (string | null)[] {
    if (namespace === null) return [null];
    const configured = this.options.dispatch.find((entry) => entry.macro_namespace === namespace);
    if (configured !== undefined && configured.search_order.length > 0) return configured.search_order;
    return this.#packages.has(namespace) || this.#byPackage.has(namespace)
      ? [this.options.rootPackage, namespace]
      : [null];
  }

  /**
   * Finds the macro of a materialization: the adapter's before `default`; within one level the root project's, then a
   * package's, then the built-in one. A package can replace a built-in one only if `onOverride` is given, which is
   * called with it.
   */
  materialization(name: string, onOverride?: (packageName: string) => void): MacroNode | undefined {
    const candidates = [...this.options.adapterTypes, 'default'].flatMap((type, specificity) =>
      this.#everywhere(`${MATERIALIZATION}${name}_${type}`).map((macro) => ({
        macro,
        specificity,
        locality: this.#locality(macro),
      })),
    );
    candidates.sort((a, b) => a.specificity - b.specificity || b.locality - a.locality);
    const best = candidates[0];
    if (best === undefined) return undefined;
    const hasBuiltin = candidates.some((c) => c.locality === LOCALITY.core);
    if (best.locality === LOCALITY.imported && hasBuiltin) {
      if (onOverride === undefined) return candidates.find((c) => c.locality !== LOCALITY.imported)?.macro;
      onOverride(best.macro.package_name);
    }
    return best.macro;
  }

  /**
   * Finds `generate_schema_name` and similar macros: the root project's, then the node's package's if requested, then
   * the built-in one.
   */
  generateName(component: 'schema' | 'alias' | 'database', packageName?: string): MacroNode | undefined {
    const name = `generate_${component}_name`;
    const own = packageName === undefined ? undefined : this.#byPackage.get(packageName)?.get(name);
    return own ?? this.#byPackage.get(this.options.rootPackage)?.get(name) ?? this.#internals.get(name);
  }

  #everywhere(name: string): MacroNode[] {
    const found: MacroNode[] = [];
    for (const table of this.#byPackage.values()) {
      const macro = table.get(name);
      if (macro !== undefined) found.push(macro);
    }
    return found;
  }

  #locality(macro: MacroNode): number {
    if (macro.package_name === this.options.rootPackage) return LOCALITY.root;
    return this.options.internalPackages.includes(macro.package_name) ? LOCALITY.core : LOCALITY.imported;
  }

  /** Returns a compiled macro. */
  compiled(macro: MacroNode): MacroTemplate {
    let template = this.#compiled.get(macro.unique_id);
    if (template === undefined) {
      const line = this.#lineOf?.(macro);
      template = this.options.environment.compileMacros(macro.macro_sql, {
        name: macro.unique_id,
        path: macro.original_file_path,
        ...(line === undefined ? {} : { line }),
      });
      this.#compiled.set(macro.unique_id, template);
    }
    return template;
  }
}

const MATERIALIZATION = 'materialization_';
const LOCALITY = { core: 1, imported: 2, root: 3 } as const;

/** Creates the resolver of a command. */
export function createMacroResolver(
  macros: Iterable<AnyMacro>,
  options: MacroResolverOptions,
  lineOf?: MacroLine,
): MacroResolver {
  return new MacroResolver(macros, options, lineOf);
}
