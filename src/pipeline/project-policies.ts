// Checks the policies of a project: columns with a tag, followed along their lineage, in relations, publications,
// archives and exposures that may not hold them.
import type { ColumnInfo } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { isEphemeral, typeInId } from '../graph/node-facts.ts';
import { select as selectNodes } from '../graph/selector.ts';
import { parseSelectorDefinitions } from '../graph/selector-grammar.ts';
import type { QueryLineage } from '../lineage/column-lineage.ts';
import { type Carried, ColumnTags, type TagRules } from '../lineage/column-tags.ts';
import { dialectNames } from '../lineage/create-dialect.ts';
import { columnPlace, settingsFile } from '../project/setting-place.ts';
import { lookupNode, nodeWithRows } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { ownSetting, ownSettings } from '../settings/meta-settings.ts';
import type { Policy } from '../settings/policy-settings.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { type PoliciesFile, readPolicies } from './policies-file.ts';
import { projectLineage } from './project-lineage.ts';
import type { Finding, NotChecked } from './static-check.ts';

export interface PolicyOutcome {
  readonly findings: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
  /** Number of policies. */
  readonly policies: number;
  /** Number of columns that carry a tag of them, outside of sources. */
  readonly tagged: number;
}

/**
 * Checks the nodes, and the publications, archives and exposures of what they read.
 * @returns null if the project has no policies
 * @throws {TsdbtError} if policies.yml is invalid, or the parser of the dialect is not installed
 */
export async function checkPolicies(parsed: ParsedProject, ids: ReadonlySet<string>): Promise<PolicyOutcome | null> {
  const file = readPolicies(parsed.config);
  if (file === null) return null;
  const rows = [...ids].filter((id) => /^(?:model|snapshot|seed)\./.test(id));
  const sources = parsed.dag.nodes.filter((id) => typeInId(id) === 'source');
  const lineage = await projectLineage(parsed, [...rows, ...sources]);
  const check = new PolicyCheck(parsed, file, lineage, tagsOfColumns(parsed, file.policies, lineage));
  return check.outcome(new Set(rows));
}

/** The tags of the policies in all columns with lineage; null if the project has no policies. */
export function policyTags(
  parsed: ParsedProject,
  lineage: ReadonlyMap<string, QueryLineage>,
): ((node: string, column: string) => string[]) | null {
  const policies = readPolicies(parsed.config)?.policies ?? null;
  if (policies === null) return null;
  const tags = tagsOfColumns(parsed, policies, lineage);
  return (node, column) =>
    [...(tags.of(node).get(column) ?? [])].flatMap(([tag, { doubt }]) => (doubt === null ? tag : [])).sort();
}

/** Stands for the setting `secret` of columns, which is inherited as a tag is. */
const SECRET: Policy = { tag: 'secret', allowed_in: [], masks: [], description: null };

/**
 * Which columns hold, or may hold, personal data: columns with a tag of a policy or the setting `secret`, and those
 * that come from one.
 * @param ids of the nodes whose columns are asked for
 */
export async function personalColumns(
  parsed: ParsedProject,
  ids: readonly string[],
): Promise<(node: string, column: string) => boolean> {
  const policies = [...(readPolicies(parsed.config)?.policies ?? []), SECRET];
  const all = [...new Set([...ids, ...ids.flatMap((id) => [...parsed.dag.ancestors(id)])])];
  if (rulesOf(parsed, policies, all).declared.size === 0) return () => false;
  const tags = tagsOfColumns(parsed, policies, await projectLineage(parsed, all));
  return (node, column) => (tags.of(node).get(column)?.size ?? 0) > 0;
}

function tagsOfColumns(
  parsed: ParsedProject,
  policies: readonly Policy[],
  lineage: ReadonlyMap<string, QueryLineage>,
): ColumnTags {
  const { dag } = parsed;
  const relations = relationsOf(parsed, lineage.keys());
  const graph = {
    lineage,
    order: dag.topological(),
    parents: (id: string) => dag.parents(id),
    relation: (id: string) => relations.get(id) ?? id,
  };
  return new ColumnTags(graph, rulesOf(parsed, policies, lineage.keys()));
}

/** The names of relations, which several nodes can have: a source can be the table of a seed or of a model. */
function relationsOf({ manifest }: ParsedProject, ids: Iterable<string>): Map<string, string> {
  const relations = new Map<string, string>();
  for (const id of ids) {
    const name = nodeWithRows(lookupNode(manifest, id))?.relation_name ?? null;
    if (name !== null) relations.set(id, name);
  }
  return relations;
}

function rulesOf(parsed: ParsedProject, policies: readonly Policy[], ids: Iterable<string>): TagRules {
  const { foldsNames } = dialectNames(parsed.adapter.type);
  const declared = new Map<string, Map<string, Set<string>>>();
  const cleared = new Map<string, Map<string, Set<string>>>();
  const masks = new Map(policies.map(({ tag, masks: names }) => [tag, new Set(names.map((n) => n.toLowerCase()))]));
  for (const id of ids) {
    const node = nodeWithRows(lookupNode(parsed.manifest, id));
    for (const column of Object.values(node?.columns ?? {})) {
      const name = foldsNames && column.quote !== true ? column.name.toLowerCase() : column.name;
      const reasons = ownSettings(column)['cleared'];
      for (const { tag } of policies) {
        if (isDictionary(reasons) && reasons[tag] !== undefined) note(cleared, id, name, tag);
        else if (hasTag(column, tag)) note(declared, id, name, tag);
      }
    }
  }
  return {
    declared,
    cleared,
    // Counts do not carry any tag.
    isMasked: (tag, through) => through.some((name) => name === 'count' || masks.get(tag)?.has(name) === true),
  };
}

function note(map: Map<string, Map<string, Set<string>>>, id: string, column: string, tag: string): void {
  const columns = map.get(id) ?? new Map<string, Set<string>>();
  map.set(id, columns.set(column, (columns.get(column) ?? new Set()).add(tag)));
}

/** dbt copies tags and meta of `config` to the column. */
function hasTag({ tags, meta, config }: ColumnInfo, tag: string): boolean {
  const value = meta[tag] ?? config?.meta?.[tag] ?? null;
  return (
    (value !== null && value !== false) ||
    tags.includes(tag) ||
    config?.tags?.includes(tag) === true ||
    (tag === SECRET.tag && ownSettings({ meta, config })['secret'] === true)
  );
}

type Tagged = ReadonlyMap<string, ReadonlyMap<string, Carried>>;

class PolicyCheck {
  readonly #parsed: ParsedProject;
  readonly #file: PoliciesFile;
  readonly #lineage: ReadonlyMap<string, QueryLineage>;
  readonly #tags: ColumnTags;
  readonly #findings: Finding[] = [];
  readonly #doubts: NotChecked[] = [];
  #sourceRelations: ReadonlySet<string> | null = null;

  constructor(parsed: ParsedProject, file: PoliciesFile, lineage: ReadonlyMap<string, QueryLineage>, tags: ColumnTags) {
    this.#parsed = parsed;
    this.#file = file;
    this.#lineage = lineage;
    this.#tags = tags;
  }

  outcome(ids: ReadonlySet<string>): PolicyOutcome {
    const { policies } = this.#file;
    for (const [at, policy] of policies.entries()) {
      const allowed = this.#allowed(policy, at);
      for (const id of this.#parsed.dag.topological()) this.#check(policy, allowed, ids, id);
    }
    const tagged = [...this.#lineage.keys()].filter((id) => !id.startsWith('source.'));
    const columns = tagged.flatMap((id) => [...this.#tags.of(id).values()].filter(isCertain));
    return {
      findings: this.#findings,
      notChecked: this.#doubts,
      policies: policies.length,
      tagged: columns.length,
    };
  }

  /**
   * What may hold the tag: unique_ids, and connections. Publications and archives need their connection and exposures
   * their name, because criteria such as `path:` find them next to the model.
   */
  #allowed({ allowed_in: criteria }: Policy, at: number): ReadonlySet<string> {
    const { manifest, dag, facts, config } = this.#parsed;
    const allowed = new Set<string>();
    for (const [index, criterion] of criteria.entries()) {
      const [, kind, name = ''] = /^(schema|connection):(.+)$/s.exec(criterion) ?? [];
      if (kind === 'connection') allowed.add(criterion);
      else if (kind === 'schema') {
        for (const id of this.#lineage.keys())
          if (nodeWithRows(lookupNode(manifest, id))?.schema === name) allowed.add(id);
      } else {
        try {
          const options = {
            select: [criterion],
            definitions: parseSelectorDefinitions(config.project.selectors, 'empty'),
            indirectSelection: 'empty' as const,
            includeEmpty: true,
            facts,
          };
          for (const id of selectNodes(manifest, dag, options).selected)
            if (typeInId(id) !== 'publication' && (typeInId(id) !== 'exposure' || criterion.includes('exposure:')))
              allowed.add(id);
        } catch (error) {
          if (!(error instanceof TsdbtError)) throw error;
          throw this.#file.errorAt(['policies', at, 'allowed_in', index], error.message, error.details.hint);
        }
      }
    }
    return allowed;
  }

  #check(policy: Policy, allowed: ReadonlySet<string>, ids: ReadonlySet<string>, id: string): void {
    const { manifest, dag } = this.#parsed;
    const type = typeInId(id);
    if (type === 'source') {
      this.#checkArchive(policy, allowed, id);
      return;
    }
    if (allowed.has(id)) return;
    if (ids.has(id)) {
      const node = nodeWithRows(lookupNode(manifest, id));
      if (node?.resource_type === 'seed' && this.#isSource(node.relation_name)) return;
      if (node !== null && node.resource_type !== 'source' && !isEphemeral(node))
        this.#report(policy, id, id, this.#tags.of(id), null);
    }
    if (type !== 'exposure' && type !== 'publication') return;
    const target = lookupNode(manifest, id);
    if (target?.resource_type === 'publication' && allowed.has(`connection:${target.config.to}`)) return;
    const listed =
      target?.resource_type === 'publication' && target.config.columns !== null
        ? new Set([...target.config.columns, ...target.config.key])
        : null;
    for (const parent of dag.parents(id).filter((each) => ids.has(each)))
      this.#report(policy, id, parent, this.#tags.of(parent), listed);
  }

  /** A seed can stand in for the table of a source. */
  #isSource(relation: string | null): boolean {
    if (this.#sourceRelations === null) {
      const sources = [...this.#lineage.keys()].filter((id) => typeInId(id) === 'source');
      this.#sourceRelations = new Set(relationsOf(this.#parsed, sources).values());
    }
    return relation !== null && this.#sourceRelations.has(relation);
  }

  /** Messages go into files of an object store with all columns. */
  #checkArchive(policy: Policy, allowed: ReadonlySet<string>, id: string): void {
    const source = lookupNode(this.#parsed.manifest, id);
    const load = source?.resource_type === 'source' ? ownSetting(source, 'load') : null;
    const archive = load?.archive ?? null;
    if (archive === null || allowed.has(`connection:${archive.connection}`)) return;
    this.#report(policy, id, id, this.#tags.of(id), null);
  }

  /** @param listed columns that the target holds; null: all */
  #report(policy: Policy, target: string, of: string, tagged: Tagged, listed: ReadonlySet<string> | null): void {
    const doubtful: string[] = [];
    let doubt: string | null = null;
    for (const [column, tags] of tagged) {
      const carried = tags.get(policy.tag);
      if (carried === undefined || (listed !== null && column !== '*' && !listed.has(column))) continue;
      if (carried.doubt === null) this.#violation(policy, target, of, column);
      else {
        doubtful.push(column);
        doubt ??= carried.doubt;
      }
    }
    if (doubt === null) return;
    const names = doubtful.length > 3 ? `${doubtful.slice(0, 3).join(', ')}, …` : doubtful.join(', ');
    const reason = `policy "${policy.tag}": the lineage of ${names} is not known: ${doubt.split('\n')[0]}`;
    this.#doubts.push({ node: target, reason });
  }

  #violation({ tag, description }: Policy, target: string, of: string, column: string): void {
    const path = this.#tags.pathTo(of, column, tag).map((each) => `${each.node}.${each.column}`);
    const error = errorOf(
      'policyViolated',
      { target, column, tag, path: path.join(' → '), why: description ?? '' },
      this.#placeOf(target, of, column),
    );
    const node = lookupNode(this.#parsed.manifest, target);
    this.#findings.push({ node: target, error: node === undefined ? error : error.with({ node }) });
  }

  #placeOf(target: string, of: string, column: string): object {
    const { manifest, files } = this.#parsed;
    const node = lookupNode(manifest, target);
    const owner = nodeWithRows(lookupNode(manifest, of));
    if (node?.resource_type === 'exposure') {
      const text = files.read(node.original_file_path, node.package_name);
      const place = text === null ? {} : columnPlace(text, node.original_file_path, node, ['name']);
      return { path: node.original_file_path, ...place };
    }
    if (owner === null) return {};
    if (node?.resource_type === 'model' || node?.resource_type === 'snapshot')
      return {
        path: node.original_file_path,
        ...lineWith(files.read(node.original_file_path, node.package_name), column),
      };
    const path = settingsFile(owner);
    const text = files.read(path, owner.patch_path?.split('://')[0] ?? owner.package_name);
    return { path, ...(text === null ? {} : columnPlace(text, path, owner, ['name'])) };
  }
}

function isCertain(tags: ReadonlyMap<string, Carried>): boolean {
  return [...tags.values()].some(({ doubt }) => doubt === null);
}

/** The first line that contains the name, or the first line of code. */
function lineWith(text: string | null, name: string): object {
  const lines = text?.split('\n') ?? [];
  const isWord = (line: string, at: number): boolean =>
    at >= 0 && !/\w/.test(line[at - 1] ?? '') && !/\w/.test(line[at + name.length] ?? '');
  const named = lines.findIndex((line) => isWord(line, line.indexOf(name)));
  const at = named < 0 ? lines.findIndex((line) => /\bselect\b/i.test(line)) : named;
  if (at < 0) return { line: 1 };
  const lineText = (lines[at] ?? '').trimEnd();
  return {
    line: at + 1,
    lineText,
    ...(named < 0 ? {} : { column: [...lineText.slice(0, lineText.indexOf(name))].length + 1 }),
  };
}
