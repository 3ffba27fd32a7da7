// Turns the publications in `meta.tsdbt.publish` into nodes that depend on the published node.
import type { Json, ManifestNode } from '../../contracts/node.ts';
import type { PublicationConfig, PublicationNode } from '../../contracts/publication.ts';
import { errorOf } from '../../error-table.ts';
import { publishedName } from '../../publish/check-targets.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { LinkedTable } from '../table/tables.ts';
import { ownSetting, ownSettings } from '../../settings/meta-settings.ts';
import { placeOf } from './own-settings.ts';

/**
 * Returns the publications of a project as nodes.
 * @throws {TsdbtError} `parsing`, with the line of the settings in a properties file
 */
export function readPublications(state: ParseState, { nodes }: LinkedTable): readonly PublicationNode[] {
  const found: PublicationNode[] = [];
  for (const node of nodes.values()) {
    const configs = ownSetting(node, 'publish');
    if (configs.length === 0) continue;
    const isList = Array.isArray(ownSettings(node)['publish']);
    const refuse = (keys: readonly (string | number)[], what: string, hint?: string): never => {
      throw errorOf(
        'badPublication',
        { of: `${node.resource_type} ${node.name}`, what },
        { ...placeOf(state, node, ['publish', ...keys]), hint },
      );
    };
    const { resource_type: type } = node;
    if (type !== 'model' && type !== 'seed' && type !== 'snapshot')
      refuse([], `cannot be: models, snapshots and seeds are published, and this is a ${type}`);
    if (type === 'model' && node.config.materialized === 'ephemeral')
      refuse([], 'cannot be: an ephemeral model has no rows');
    for (const [index, config] of configs.entries()) {
      const made = publicationOf(state, node, config);
      const first = found.find(({ unique_id }) => unique_id === made.unique_id);
      const at = isList ? [index] : [];
      if (first !== undefined)
        refuse(
          at,
          `to '${config.table ?? config.path}' has the name of that to ` +
            `'${first.config.table ?? first.config.path}', ${made.unique_id}`,
          'Names are made of letters, digits and _ of the place; one of the two needs another place.',
        );
      const sharing = found.find((other) => overlap(other.config, config));
      if (sharing !== undefined)
        refuse(
          [...at, 'path'],
          `goes to '${config.path}' of '${config.to}', and ${publishedName(sharing)} goes to ` +
            `'${sharing.config.path}': one folder is the other, or in it`,
          'Each copy has a folder of its own, beside those of others.',
        );
      found.push(made);
    }
  }
  return found;
}

function publicationOf(state: ParseState, node: ManifestNode, config: PublicationConfig): PublicationNode {
  // The name contains the connection and the target table, so it does not change when a second connection is added.
  const label = `${config.to}_${(config.table ?? config.path ?? '').replace(/\W+/g, '_')}`;
  const below = node.unique_id.slice(node.unique_id.indexOf('.') + 1);
  return {
    name: `${below.slice(node.package_name.length + 1)}.${label}`,
    resource_type: 'publication',
    package_name: node.package_name,
    path: node.path,
    original_file_path: node.original_file_path,
    unique_id: `publication.${below}.${label}`,
    fqn: [...node.fqn, label],
    description: '',
    tags: node.tags,
    // The node's limits apply to each of its publications.
    meta: { tsdbt: limitsOf(node) },
    depends_on: { macros: [], nodes: [node.unique_id] },
    config,
    created_at: state.createdAt,
  };
}

function limitsOf(node: ManifestNode): { [key: string]: Json } {
  return Object.fromEntries(
    Object.entries(ownSettings(node)).filter(([name]) => name === 'timeout' || name === 'retries'),
  );
}

/** Whether two publications share files: the paths are equal, or one is a folder in the other. */
function overlap(one: PublicationConfig, other: PublicationConfig): boolean {
  if (one.to !== other.to || one.path === null || other.path === null) return false;
  const [a, b] = [`${one.path}/`, `${other.path}/`];
  return a.startsWith(b) || b.startsWith(a);
}
