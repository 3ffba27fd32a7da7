// Looks up names in the last manifest, as the parser resolves them.
import { macrosOf } from '../context/macro-resolver.ts';
import { ManifestLookup } from '../context/manifest-lookup.ts';
import type { DocNode, MacroNode, ManifestNode, SourceDefinition } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import type { ParsedProject } from '../index.ts';
import type { NamedThing, Owner } from './name-uses.ts';

/** A thing that names refer to. */
export interface ProjectSymbol {
  /** unique_id; of a variable `var.NAME`. */
  readonly id: string;
  /** A column of the node. */
  readonly column: string | null;
}

const REFABLE = /^(?:model|seed|snapshot)\./;

export class SymbolTable {
  readonly parsed: ParsedProject;
  readonly #lookup: ManifestLookup;
  /** unique_ids by name of the macro. */
  readonly #macros = new Map<string, string[]>();
  readonly #internal: ReadonlySet<string>;

  constructor(parsed: ParsedProject) {
    const { config, facts, manifest } = parsed;
    this.parsed = parsed;
    this.#internal = new Set(['dbt', `dbt_${parsed.adapter.type}`]);
    this.#lookup = new ManifestLookup(manifest, {
      rootPackage: config.project.project_name,
      nodePackageFirst: config.flags['require_ref_searches_node_package_before_root'] === true,
      facts,
    });
    for (const { name, unique_id } of macrosOf(manifest.macros))
      this.#macros.set(name, [...(this.#macros.get(name) ?? []), unique_id]);
  }

  /** @returns null if nothing has this name */
  resolve(thing: NamedThing, packageName: string): ProjectSymbol | null {
    if (thing.kind === 'column') {
      const owner = this.resolve(thing.owner, packageName);
      return owner === null ? null : { id: owner.id, column: thing.name };
    }
    const id = thing.kind === 'var' ? `var.${thing.name}` : this.#idOf(thing, packageName);
    return id === null ? null : { id, column: null };
  }

  #idOf(thing: Exclude<NamedThing, { kind: 'column' | 'var' }>, packageName: string): string | null {
    switch (thing.kind) {
      case 'ref':
      case 'source':
      case 'entry':
        return this.#owner(thing, packageName)?.unique_id ?? null;
      case 'macro':
        return this.#macro(thing.name, thing.package, packageName);
      case 'test':
        return this.#macro(`test_${thing.name}`, thing.package, packageName);
      case 'doc': {
        const root = this.parsed.config.project.project_name;
        const packages = thing.package === null ? [packageName, root, 'dbt'] : [thing.package];
        const ids = packages.map((each) => `doc.${each}.${thing.name}`);
        const { docs } = this.parsed.manifest;
        return ids.find((id) => docs[id] !== undefined) ?? null;
      }
    }
  }

  #owner(owner: Owner, packageName: string): ManifestNode | SourceDefinition | null {
    try {
      const found =
        owner.kind === 'source'
          ? this.#lookup.source(owner.source, owner.table, packageName)
          : owner.kind === 'ref'
            ? this.#lookup.ref(owner, packageName)
            : (this.parsed.manifest.nodes[`${owner.type}.${packageName}.${owner.name}`] ??
              this.#lookup.ref({ name: owner.name, package: packageName, version: null }, packageName));
      return found === 'disabled' ? null : found;
    } catch (error) {
      if (error instanceof TsdbtError) return null;
      throw error;
    }
  }

  isDisabled(thing: NamedThing, packageName: string): boolean {
    try {
      if (thing.kind === 'ref') return this.#lookup.ref(thing, packageName) === 'disabled';
      return thing.kind === 'source' && this.#lookup.source(thing.source, thing.table, packageName) === 'disabled';
    } catch {
      // Ambiguous.
      return true;
    }
  }

  #macro(name: string, macroPackage: string | null, packageName: string): string | null {
    const ids = this.#macros.get(name) ?? [];
    const { project } = this.parsed.config;
    const order = macroPackage === null ? [packageName, project.project_name] : [macroPackage];
    const own = order.map((each) => `macro.${each}.${name}`).find((id) => ids.includes(id));
    if (own !== undefined) return own;
    if (macroPackage === 'dbt') return ids.find((id) => this.isBuiltIn(id)) ?? null;
    if (macroPackage !== null) return null;
    return ids.find((id) => this.isBuiltIn(id)) ?? null;
  }

  /** Whether a macro comes with the program. */
  isBuiltIn(id: string): boolean {
    return this.#internal.has(id.split('.')[1] ?? '');
  }

  /** Whether a folder contains a built-in package. */
  isInternalFolder(root: string): boolean {
    return this.parsed.config.packages.some(
      (each) => each.project_root === root && this.#internal.has(each.project_name),
    );
  }

  node(id: string): ManifestNode | SourceDefinition | undefined {
    return this.parsed.manifest.nodes[id] ?? this.parsed.manifest.sources[id];
  }

  macro(id: string): MacroNode | undefined {
    return this.parsed.manifest.macros[id];
  }

  doc(id: string): DocNode | undefined {
    return this.parsed.manifest.docs[id];
  }

  /** Names for `ref`. @param packageName of this package only */
  refNames(packageName?: string): string[] {
    const parts = Object.keys(this.parsed.manifest.nodes)
      .filter((id) => REFABLE.test(id))
      .map((id) => id.split('.'));
    const own = parts.filter(([, each]) => packageName === undefined || each === packageName);
    return [...new Set(own.map(([, , name = '']) => name))];
  }

  /** Names of sources as `source.table`. */
  sourceNames(): string[] {
    return Object.values(this.parsed.manifest.sources).map(({ source_name, name }) => `${source_name}.${name}`);
  }

  /** unique_ids of all macros by name. */
  get macros(): ReadonlyMap<string, readonly string[]> {
    return this.#macros;
  }
}
