// Exposures and groups from YAML. Leaves resolving what an exposure depends on to references.ts.
import type { ExposureNode, GroupNode, Json, RefArgs } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from '../config/config-fields.ts';
import { fqnPrefix } from './nodes.ts';
import type { ParseTools } from '../config/node-update.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkEntry, entryError, type YamlDict, type YamlEntry } from './yaml-entries.ts';
import { EXPOSURE_ENTRY, GROUP_ENTRY } from './yaml-shapes.ts';

/** Adds one entry of `exposures:`. */
export function addExposure(tools: ParseTools, entry: YamlEntry): void {
  const { state } = tools;
  const { data } = entry;
  const { file, project } = entry.yaml;
  checkEntry(entry, data, EXPOSURE_ENTRY);
  const name = data['name'] as string;
  if (!/^[\p{L}\p{N}_-]+$/u.test(name)) {
    state.warnings.deprecated(
      'ExposureNameDeprecation',
      'D007',
      "Starting in v1.3, the 'name' of an exposure should contain only letters, numbers, and underscores. " +
        "Exposures support a new property, 'label', which may contain spaces, capital letters, and special " +
        `characters. ${name} does not follow this pattern. Please update the 'name', and use the 'label' ` +
        'property for a human-friendly title. This will raise an error in a future version of dbt-core.',
      { exposure: name },
    );
  }
  checkOwner(entry, 'Exposure');
  const fqn = [...fqnPrefix(project.project_name, file.relative_path), name];
  const sources = {
    kind: 'exposure' as const,
    section: 'exposures' as const,
    fqn,
    project,
    root: state.root,
    patch: (data['config'] ?? {}) as YamlDict,
  };
  const config = { ...tools.state.configs.calculate(sources) };
  const tree = project.configs.exposures;
  const projectTags = isDict(tree) && Array.isArray(tree['tags']) ? (tree['tags'] as string[]) : [];
  const tags = [
    ...new Set([...projectTags, ...((data['tags'] ?? []) as string[]), ...(config['tags'] as string[])]),
  ].sort();
  const meta = {
    ...(isDict(tree) && isDict(tree['meta']) ? tree['meta'] : {}),
    ...((data['meta'] ?? {}) as YamlDict),
    ...(config['meta'] as YamlDict),
  };
  config['tags'] = tags;
  config['meta'] = meta;
  const node: ExposureNode = {
    name,
    resource_type: 'exposure',
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `exposure.${project.project_name}.${name}`,
    fqn,
    type: data['type'] as string,
    owner: ownerOf(data['owner'] as YamlDict),
    description: (data['description'] ?? '') as string,
    label: (data['label'] ?? null) as string | null,
    maturity: (data['maturity'] ?? null) as string | null,
    meta,
    tags,
    config: config as ExposureNode['config'],
    unrendered_config: tools.state.configs.calculateUnrendered(sources),
    url: (data['url'] ?? null) as string | null,
    depends_on: { macros: [], nodes: [] },
    refs: [],
    sources: [],
    metrics: [],
    created_at: state.createdAt,
  };
  collectDependencies(tools, node, (data['depends_on'] ?? []) as string[]);
  if (node.config.enabled) state.addUnique(state.exposures, node);
  else state.addDisabled(node);
}

function collectDependencies(tools: ParseTools, node: ExposureNode, expressions: readonly string[]): void {
  const refs: RefArgs[] = [];
  const sources: string[][] = [];
  for (const expression of expressions) {
    const found = readRefOrSource(expression);
    if (found === null) {
      try {
        tools.rendering.exposure(node, expressions);
      } catch (error) {
        throw error instanceof TsdbtError ? error.with({ node }) : error;
      }
      return;
    }
    if ('ref' in found) refs.push(found.ref);
    else sources.push(found.source);
  }
  node.refs.push(...refs);
  node.sources.push(...sources);
}

/** Owner with both known keys there. */
export function ownerOf(owner: YamlDict): ExposureNode['owner'] {
  const { email, name, ...extra } = owner;
  return { email: (email ?? null) as string | null, name: (name ?? null) as string | null, ...extra };
}

function checkOwner(entry: YamlEntry, what: 'Exposure' | 'Group'): void {
  const owner = entry.data['owner'] as YamlDict;
  if ((owner['name'] ?? null) === null && (owner['email'] ?? null) === null) {
    throw entryError(entry, entry.data, `at path []: ${what} owner must have at least one of 'name' or 'email'.`, [
      'owner',
    ]);
  }
}

/** Adds one entry of `groups:`. */
export function addGroup(tools: ParseTools, entry: YamlEntry): void {
  const { data } = entry;
  const { file, project } = entry.yaml;
  checkEntry(entry, data, GROUP_ENTRY);
  checkOwner(entry, 'Group');
  const name = data['name'] as string;
  // dbt looks a group's config up under `models:`, so what stands there lands here.
  const config = tools.state.configs.calculate({
    kind: 'group',
    section: 'models',
    fqn: [...fqnPrefix(project.project_name, file.relative_path), name],
    project,
    root: tools.state.root,
    patch: isDict(data['config']) ? data['config'] : {},
  });
  const node: GroupNode = {
    name,
    resource_type: 'group',
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `group.${project.project_name}.${name}`,
    owner: ownerOf(data['owner'] as YamlDict),
    description: (data['description'] ?? null) as string | null,
    config: config as { meta: { [key: string]: Json } },
  };
  tools.state.addUnique(tools.state.groups, node);
}
