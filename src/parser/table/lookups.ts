// Tables from names to nodes: refs, sources, docs, functions, metrics, disabled resources. references.ts reports
// missing names.
import { errorOf } from '../../error-table.ts';
import { pyStr } from '../../values/python-text.ts';

export interface Versioned {
  readonly version?: unknown;
  readonly latest_version?: unknown;
}
interface Named {
  readonly name: string;
  readonly package_name: string;
  readonly unique_id: string;
}

/** key → package → unique_id. */
export class PackageLookup {
  readonly #storage = new Map<string, Map<string, string>>();

  add(key: string, packageName: string, uniqueId: string): void {
    const packages = this.#storage.get(key);
    if (packages === undefined) this.#storage.set(key, new Map([[packageName, uniqueId]]));
    else packages.set(packageName, uniqueId);
  }

  remove(key: string, packageName: string): void {
    this.#storage.get(key)?.delete(packageName);
  }

  /** Returns the entry of a package, or the first of any package if `packageName` is null. */
  get(key: string, packageName: string | null): string | undefined {
    const packages = this.#storage.get(key);
    if (packages === undefined) return undefined;
    if (packageName === null) for (const id of packages.values()) return id;
    return packageName === null ? undefined : packages.get(packageName);
  }

  /** Every entry of a key. */
  all(key: string): string[] {
    return [...(this.#storage.get(key)?.values() ?? [])];
  }

  keys(): IterableIterator<string> {
    return this.#storage.keys();
  }
}

/** Resources that `ref()` can refer to: models (by name, and by `name.vN`), seeds, snapshots. */
export class RefLookup {
  readonly #lookup = new PackageLookup();

  add(node: Named & Versioned): void {
    const version = node.version ?? null;
    if (version === null) {
      this.#lookup.add(node.name, node.package_name, node.unique_id);
      return;
    }
    this.#lookup.add(`${node.name}.v${pyStr(version)}`, node.package_name, node.unique_id);
    if (pyStr(version) === pyStr(node.latest_version ?? null))
      this.#lookup.add(node.name, node.package_name, node.unique_id);
  }

  remove(node: Named): void {
    if (this.#lookup.get(node.name, node.package_name) === node.unique_id)
      this.#lookup.remove(node.name, node.package_name);
  }

  /**
   * @param version null for the latest or only one
   * @throws TsdbtError `compilation` if several packages define the name and none was given
   */
  get(name: string, packageName: string | null, version: unknown): string | undefined {
    const key = version ? `${name}.v${pyStr(version)}` : name;
    if (packageName !== null) return this.#lookup.get(key, packageName);
    const ids = this.#lookup.all(key);
    if (ids.length > 1) {
      const packages = ids.map((id) => id.split('.')[1]);
      throw errorOf('referenceAmbiguous', { name: key, nodes: ids.join("', '"), packages: packages.join("' or '") });
    }
    return ids[0];
  }

  /** Packages that have the name. */
  packagesOf(name: string): string[] {
    return this.#lookup.all(name).map((id) => id.split('.')[1] ?? '');
  }

  /** Versions of a model, as appended to its name. */
  versionsOf(name: string): string[] {
    const start = `${name}.v`;
    return [...this.names()].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
  }

  names(): IterableIterator<string> {
    return this.#lookup.keys();
  }
}

/** A resource that can be disabled. */
interface Disableable extends Named, Versioned {
  readonly resource_type: string;
  readonly source_name?: unknown;
}

/** Disabled resources by the name that refers to them. */
export class DisabledLookup<T extends Disableable> {
  readonly #storage = new Map<string, Map<string, T[]>>();

  add(node: T): void {
    const key = searchName(node);
    let packages = this.#storage.get(key);
    if (packages === undefined) this.#storage.set(key, (packages = new Map()));
    const nodes = packages.get(node.package_name);
    if (nodes === undefined) packages.set(node.package_name, [node]);
    else nodes.push(node);
  }

  /** Replaces a resource by one of the same name. */
  replace(before: T, after: T): void {
    const nodes = this.#storage.get(searchName(before))?.get(before.package_name);
    const at = nodes?.indexOf(before) ?? -1;
    if (at >= 0) nodes?.splice(at, 1, after);
  }

  find(
    name: string,
    packageName: string | null,
    version: unknown = null,
    resourceTypes: readonly string[] | null = null,
  ): readonly T[] | null {
    const packages = this.#storage.get(version ? `${name}.v${pyStr(version)}` : name);
    if (packages === undefined) return null;
    let nodes: T[] | undefined;
    if (packageName === null)
      for (const first of packages.values()) {
        nodes = first;
        break;
      }
    else nodes = packages.get(packageName);
    if (nodes === undefined) return null;
    if (resourceTypes === null) return nodes;
    const matching = nodes.filter((node) => resourceTypes.includes(node.resource_type));
    return matching.length === 0 ? null : matching;
  }
}

/** `source.table` for a source, `name.vN` for a versioned model, otherwise the name. */
export function searchName(node: Disableable): string {
  if (node.resource_type === 'source') return `${String(node.source_name)}.${node.name}`;
  const version = node.version ?? null;
  return version !== null && node.resource_type === 'model' ? `${node.name}.v${pyStr(version)}` : node.name;
}

/** Packages in dbt's order of name lookup. */
export function packagesToSearch(
  root: string,
  nodePackage: string,
  targetPackage: string | null,
  nodePackageFirst: boolean,
): (string | null)[] {
  if (targetPackage !== null) return [targetPackage];
  if (root === nodePackage) return [root, null];
  return nodePackageFirst ? [nodePackage, root, null] : [root, nodePackage, null];
}
