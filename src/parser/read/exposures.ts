// Reads exposures and groups from YAML. references.ts resolves an exposure's dependencies.
import type { ExposureNode, GroupNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from '../../project/schema-check.ts';
import { configTags, metaOf } from './columns.ts';
import { fqnPrefix } from '../table/node-paths.ts';
import { addUnique } from '../table/duplicates.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedExposure } from '../table/phases.ts';
import type { Expressed, NamedReferences } from '../table/rendering.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkEntry, entryError, placed, type YamlDict, type YamlEntry } from './yaml-entries.ts';
import { EXPOSURE_ENTRY, GROUP_ENTRY, type OwnerEntry } from './yaml-shapes.ts';

/** Adds one entry of `exposures:`. */
export function addExposure(tools: PatchTools, entry: YamlEntry): void {
  const { state, table } = tools;
  const { file, project } = entry.yaml;
  const data = checkEntry(entry, entry.data, EXPOSURE_ENTRY);
  const { name } = data;
  if (!/^[\p{L}\p{N}_-]+$/u.test(name)) {
    state.warnings.deprecated(
      'ExposureNameDeprecation',
      "Starting in v1.3, the 'name' of an exposure should contain only letters, numbers, and underscores. " +
        "Exposures support a new property, 'label', which may contain spaces, capital letters, and special " +
        `characters. ${name} does not follow this pattern. Please update the 'name', and use the 'label' ` +
        'property for a human-friendly title. This will raise an error in a future version of dbt-core.',
      { exposure: name },
    );
  }
  checkOwner(entry, data.owner, 'Exposure');
  const fqn = [...fqnPrefix(project.project_name, file.relative_path), name];
  const sources = {
    kind: 'exposure' as const,
    section: 'exposures' as const,
    fqn,
    project,
    root: state.root,
    patch: data.config ?? {},
  };
  const merged = placedAt(entry, () => tools.state.configs.calculate(sources));
  const tree = project.configs.exposures;
  const known = isDict(tree) ? tree : {};
  const tags = [...new Set([...listedTags(known), ...(data.tags ?? []), ...merged.tags])].sort();
  const meta = { ...metaOf(known), ...data.meta, ...merged.meta };
  const owner: Expressed = { name, original_file_path: file.original_file_path };
  const node: PatchedExposure = {
    name,
    resource_type: 'exposure',
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `exposure.${project.project_name}.${name}`,
    fqn,
    type: data.type,
    owner: ownerOf(data.owner),
    description: data.description ?? '',
    label: data.label ?? null,
    maturity: data.maturity ?? null,
    meta,
    tags,
    config: { ...merged, tags, meta },
    unrendered_config: tools.state.configs.calculateUnrendered(sources),
    url: data.url ?? null,
    depends_on: { macros: [] },
    ...dependencies(tools, owner, data.depends_on ?? []),
    created_at: state.createdAt,
  };
  if (node.config.enabled) addUnique(table.exposures, node);
  else table.addDisabled(node);
}

/** Adds the entry's position to an error of its config. */
function placedAt<T>(entry: YamlEntry, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.details.path !== undefined) throw error;
    throw error.with(placed(entry.yaml.file, [entry.key, entry.index, 'config'], error).details);
  }
}

/** Tags of a folder in dbt_project.yml; only lists are used. */
function listedTags(tree: YamlDict): string[] {
  return Array.isArray(tree['tags']) ? configTags(tree) : [];
}

function dependencies(tools: PatchTools, owner: Expressed, expressions: readonly string[]): NamedReferences {
  const named: NamedReferences = { refs: [], sources: [], metrics: [] };
  for (const expression of expressions) {
    const found = readRefOrSource(expression);
    if (found === null) return renderedDependencies(tools, owner, expressions);
    if ('ref' in found) named.refs.push(found.ref);
    else named.sources.push(found.source);
  }
  return named;
}

function renderedDependencies(tools: PatchTools, owner: Expressed, expressions: readonly string[]): NamedReferences {
  try {
    return tools.rendering.exposure(owner, expressions);
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node: { ...owner, resource_type: 'exposure' } }) : error;
  }
}

/** Returns the owner with both known keys present. */
export function ownerOf(owner: OwnerEntry): ExposureNode['owner'] {
  const { email = null, name = null, ...extra } = owner;
  return { email, name, ...extra };
}

function checkOwner(entry: YamlEntry, owner: OwnerEntry, what: 'Exposure' | 'Group'): void {
  if ((owner.name ?? null) === null && (owner.email ?? null) === null) {
    throw entryError(entry, entry.data, `at path []: ${what} owner must have at least one of 'name' or 'email'.`, [
      'owner',
    ]);
  }
}

/** Adds one entry of `groups:`. */
export function addGroup(tools: PatchTools, entry: YamlEntry): void {
  const { file, project } = entry.yaml;
  const data = checkEntry(entry, entry.data, GROUP_ENTRY);
  checkOwner(entry, data.owner, 'Group');
  const { name } = data;
  // dbt looks up a group's config under `models:`, so settings there apply to groups too.
  const config = tools.state.configs.calculate({
    kind: 'group',
    section: 'models',
    fqn: [...fqnPrefix(project.project_name, file.relative_path), name],
    project,
    root: tools.state.root,
    patch: data.config ?? {},
  });
  const node: GroupNode = {
    name,
    resource_type: 'group',
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `group.${project.project_name}.${name}`,
    owner: ownerOf(data.owner),
    description: data.description ?? null,
    config,
  };
  addUnique(tools.table.groups, node);
}
