// Resolves refs, sources and functions of every resource to ids in depends_on. Reports unknown names and disabled or
// private targets with dbt's messages. The graph detects cycles.
import { lineOf } from '../../context/templates.ts';
import type { RefArgs } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { pyStr } from '../../values/python-text.ts';
import { packagesToSearch } from '../table/lookups.ts';
import type { ParseState } from '../table/parse-state.ts';
import type {
  PatchedExposure,
  PatchedFunction,
  PatchedMetric,
  PatchedModel,
  PatchedNode,
  PatchedSavedQuery,
  PatchedSeed,
  PatchedSemanticModel,
  PatchedSource,
} from '../table/phases.ts';
import type { PatchedTable } from '../table/tables.ts';
import { didYouMean } from '../../values/close-matches.ts';

/** A node whose template may contain references. */
export type ReferringNode = Exclude<PatchedNode, PatchedSeed>;
/** Anything that has refs or sources. */
export type Referring =
  | ReferringNode
  | PatchedExposure
  | PatchedFunction
  | PatchedMetric
  | PatchedSemanticModel
  | PatchedSavedQuery;

/** A call whose target does not exist. */
interface Missing {
  readonly kind: string;
  readonly name: string;
  readonly packageName: string | null;
  readonly version: unknown;
  readonly disabled: boolean;
  readonly warnsIfDisabled: boolean;
}

type Found<T> = { readonly node: T } | 'disabled' | 'missing';

const REFABLE: readonly string[] = ['model', 'seed', 'snapshot'];

/** Resolves names of one parse and stores the ids until the linked nodes are built. */
export class References {
  readonly #state: ParseState;
  readonly #table: PatchedTable;
  readonly #nodePackageFirst: boolean;
  /** Ids of the resources that each resource references, in order of discovery. */
  readonly #parents = new Map<object, string[]>();
  readonly #refused = new Set<object>();

  constructor(state: ParseState, table: PatchedTable) {
    this.#state = state;
    this.#table = table;
    this.#nodePackageFirst = state.flag('require_ref_searches_node_package_before_root', false);
  }

  /** Ids of the dependencies resolved so far. */
  parentsOf(resource: object): readonly string[] {
    return this.#parents.get(resource) ?? [];
  }

  /** Makes one resource depend on another. */
  add(resource: object, id: string): void {
    const parents = this.#parents.get(resource);
    if (parents === undefined) this.#parents.set(resource, [id]);
    else if (!parents.includes(id)) parents.push(id);
  }

  /** Whether a referenced resource is missing, which disables the resource. */
  isRefused(resource: object): boolean {
    return this.#refused.has(resource);
  }

  #packages(nodePackage: string, target: string | null = null): (string | null)[] {
    return packagesToSearch(this.#state.root.project_name, nodePackage, target, this.#nodePackageFirst);
  }

  /** Returns the node that a ref in a package resolves to. */
  resolveRef(ref: RefArgs, nodePackage: string): Found<PatchedNode> {
    const { refs, nodes, disabledLookup } = this.#table;
    let disabled = false;
    for (const packageName of this.#packages(nodePackage, ref.package)) {
      const id = refs.get(ref.name, packageName, ref.version);
      const node = id === undefined ? undefined : nodes.get(id);
      if (node?.config.enabled) return { node };
      disabled ||= disabledLookup.find(ref.name, packageName, ref.version, REFABLE) !== null;
    }
    return disabled ? 'disabled' : 'missing';
  }

  resolveSource(name: string, nodePackage: string): Found<PatchedSource> {
    const { sourceLookup, sources, disabledLookup } = this.#table;
    let disabled = false;
    for (const packageName of this.#packages(nodePackage)) {
      const id = sourceLookup.get(name, packageName);
      const node = id === undefined ? undefined : sources.get(id);
      if (node?.config.enabled) return { node };
      disabled ||= disabledLookup.find(name, packageName) !== null;
    }
    return disabled ? 'disabled' : 'missing';
  }

  /** Resolves the sources of one resource. */
  linkSources(node: ReferringNode | PatchedExposure): void {
    for (const [source, table] of node.sources) {
      const name = `${source}.${table}`;
      const found = this.resolveSource(name, node.package_name);
      if (typeof found === 'object') this.add(node, found.node.unique_id);
      else
        this.#refuse(node, {
          kind: 'source',
          name,
          packageName: null,
          version: null,
          disabled: found === 'disabled',
          warnsIfDisabled: true,
        });
    }
  }

  /** Resolves the refs of one resource. */
  linkRefs(node: Referring): void {
    for (const ref of node.refs) {
      let found: Found<PatchedNode>;
      try {
        found = this.resolveRef(ref, node.package_name);
      } catch (error) {
        throw error instanceof TsdbtError ? error.with({ node }) : error;
      }
      if (typeof found !== 'object') {
        this.#refuse(node, {
          kind: 'node',
          name: ref.name,
          packageName: ref.package,
          version: ref.version,
          disabled: found === 'disabled',
          warnsIfDisabled: false,
        });
        continue;
      }
      this.#checkAccess(node, found.node);
      if (!this.#nodePackageFirst) this.#warnAboutRootNode(node, found.node, ref.package);
      this.add(node, found.node.unique_id);
    }
  }

  linkFunctions(node: ReferringNode | PatchedFunction): void {
    const { functionLookup, functions, disabledLookup } = this.#table;
    for (const call of node.functions) {
      const { name, targetPackage } = calledName(call);
      let disabled = false;
      let target: PatchedFunction | undefined;
      for (const packageName of this.#packages(node.package_name, targetPackage)) {
        const id = functionLookup.get(name, packageName);
        target = id === undefined ? undefined : functions.get(id);
        if (target !== undefined) break;
        disabled ||= disabledLookup.find(name, packageName) !== null;
      }
      if (target !== undefined) this.add(node, target.unique_id);
      else
        this.#refuse(node, {
          kind: 'function',
          name,
          packageName: targetPackage,
          version: null,
          disabled,
          warnsIfDisabled: false,
        });
    }
  }

  linkMetrics(node: Referring, metrics: readonly (readonly string[])[]): void {
    const { metricLookup, metrics: known, disabledLookup } = this.#table;
    for (const call of metrics) {
      const { name, targetPackage } = calledName(call);
      let disabled = false;
      let target: PatchedMetric | undefined;
      for (const packageName of this.#packages(node.package_name, targetPackage)) {
        const id = metricLookup.get(name, packageName);
        target = id === undefined ? undefined : known.get(id);
        if (target !== undefined) break;
        disabled ||= disabledLookup.find(name, packageName) !== null;
      }
      if (target !== undefined) this.add(node, target.unique_id);
      else
        this.#refuse(node, {
          kind: 'metric',
          name,
          packageName: targetPackage,
          version: null,
          disabled,
          warnsIfDisabled: true,
        });
    }
  }

  #checkAccess(node: Referring, target: PatchedNode): void {
    if (target.resource_type !== 'model' || target.access === 'public') return;
    const otherPackage = node.package_name !== target.package_name;
    const restricted = otherPackage && (this.#state.projects.get(target.package_name)?.restrict_access ?? false);
    if (target.access === 'private') {
      const group = 'group' in node ? node.group : null;
      if (group && group === target.group && !restricted) return;
      throw this.#accessError(node, target, 'private', `'${target.group ?? ''}' group`);
    }
    if (restricted) throw this.#accessError(node, target, 'protected', `'${target.package_name}' package`);
  }

  #accessError(node: Referring, target: PatchedModel, access: string, scope: string): TsdbtError {
    return errorOf(
      'parsedReferenceNotAllowed',
      { node: node.unique_id, target: target.unique_id, access, scope },
      { path: node.original_file_path },
    );
  }

  #warnAboutRootNode(node: Referring, target: PatchedNode, packageName: string | null): void {
    const root = this.#state.root.project_name;
    if (node.package_name === root || target.package_name !== root || packageName === root) return;
    this.#state.warnings.warn(
      'PackageNodeDependsOnRootProjectNode',
      `The node '${node.name}'in package '${node.package_name}' depends on the root project node ` +
        `'${target.unique_id}'.This may lead to unexpected cycles downstream. Please set the ` +
        "'require_ref_searches_node_package_before_root' behavior change flag to True to avoid this issue.For " +
        'more information, see the documentation at ' +
        'https://docs.getdbt.com/reference/global-configs/behavior-changes#package-ref-search-order',
      { node_name: node.name, package_name: node.package_name, root_project_unique_id: target.unique_id },
    );
  }

  /**
   * Reports a missing target: a warning for a test, an error for other resources. The referring resource is disabled.
   */
  #refuse(node: Referring, target: Missing): void {
    const { kind, name, packageName, version, disabled } = target;
    const type = node.resource_type;
    const title = type.charAt(0).toUpperCase() + type.slice(1);
    this.#refused.add(node);
    const reason = disabled ? 'is disabled' : 'was not found';
    if (type === 'test') {
      const data = {
        resource_type_title: title,
        unique_id: node.unique_id,
        original_file_path: node.original_file_path,
        target_kind: kind,
        target_name: name,
        target_package: packageName ?? '',
      };
      if (disabled) {
        const inPackage = packageName ? `in package '${packageName}' ` : '';
        const message =
          `${title} '${node.unique_id}' (${node.original_file_path}) depends on a ${kind} named '${name}' ` +
          `${inPackage}which is disabled`;
        if (target.warnsIfDisabled) this.#state.warnings.warn('InvalidDisabledTargetInTestNode', message, data);
        else this.#state.warnings.debug('InvalidDisabledTargetInTestNode', message, data);
      } else {
        this.#state.warnings.warn(
          'NodeNotFoundOrDisabled',
          `${title} '${node.unique_id}' (${node.original_file_path}) depends on a ${kind} named '${name}' in ` +
            `package '${packageName ?? ''}' which was not found`,
          data,
        );
      }
      return;
    }
    const withVersion = version === null || version === undefined ? '' : `with version '${pyStr(version)}' `;
    const inPackage = packageName === null ? '' : `in package or project '${packageName}' `;
    throw errorOf(
      'referenceMissing',
      {
        type: title,
        node: node.unique_id,
        path: node.original_file_path,
        kind: kind,
        name: name,
        where: `${withVersion}${inPackage}`,
        why: reason,
      },
      { node, ...this.#placeOf(node, kind, name), hint: disabled ? undefined : this.#hint(target) },
    );
  }

  /** The line of the file that contains the call. */
  #placeOf(node: Referring, kind: string, name: string): { line?: number; column?: number; lineText?: string } {
    const file = this.#state.files.get(`${node.package_name}://${node.original_file_path}`);
    if (file === undefined) return {};
    const { contents: text, first_line = 1 } = file;
    const { raw_code: code = '' } = node as { raw_code?: string };
    const called = kind === 'source' && name.includes('.') ? name.slice(name.indexOf('.') + 1) : name;
    const lines = text.split('\n');
    // In YAML, only the syntax of a call distinguishes a name from other text.
    for (let i = (lineOf(text, code) ?? 1) - 1; i < lines.length; i += 1) {
      const lineText = lines[i]!.trimEnd();
      if (!code.includes(lineText.trim()) && !/\b(?:ref|source|function|metric)\s*\(/.test(lineText)) continue;
      for (const quote of ["'", '"']) {
        const at = lineText.indexOf(quote + called + quote);
        if (at >= 0) return { line: i + first_line, column: at + 1, lineText };
      }
    }
    return {};
  }

  #hint({ kind, name, packageName, version }: Missing): string | undefined {
    const { refs, sources, functions, metrics } = this.#table;
    if (kind === 'node') {
      const versions = version === null || version === undefined ? [] : refs.versionsOf(name);
      if (versions.length > 0)
        return `'${name}' has the version${versions.length > 1 ? 's' : ''} ${versions.join(', ')}`;
      const packages = packageName === null ? [] : refs.packagesOf(name);
      if (packages.length > 0) return `'${name}' is in the package '${packages.join("', '")}'`;
      const last = name.slice(name.lastIndexOf('.') + 1);
      if (refs.packagesOf(last).length > 0) return `did you mean '${last}'? ref() takes the name alone`;
    }
    const candidates =
      kind === 'node'
        ? [...refs.names()]
        : kind === 'source'
          ? [...sources.values()].map((source) => `${source.source_name}.${source.name}`)
          : [...(kind === 'function' ? functions : metrics).values()].map((node) => node.name);
    return didYouMean(name, candidates);
  }
}

/** `('name')` or `('package', 'name')`. */
function calledName(call: readonly string[]): { name: string; targetPackage: string | null } {
  const [first = '', second] = call;
  return second === undefined ? { name: first, targetPackage: null } : { name: second, targetPackage: first };
}
