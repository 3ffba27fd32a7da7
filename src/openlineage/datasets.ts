// Names and facets of datasets as in openlineage-dbt, so that events of both form one graph. Pure.
import type { Manifest } from '../contracts/manifest.ts';
import type { ColumnInfo, ManifestNode, SourceDefinition } from '../contracts/node.ts';
import type { Credentials } from '../contracts/project.ts';

/** A facet without `_producer` and `_schemaURL`, which events.ts adds. */
export type Facets = { readonly [name: string]: { readonly [field: string]: unknown } };

export interface Dataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets: Facets;
}

/** A resource with a relation, which is a dataset. */
const DATASETS = /^(model|seed|snapshot|source)\./;

/** `postgres://host:port`. An embedded server has no stable address. */
export function namespaceOf({ type, host, port, embedded }: Credentials): string {
  if (embedded || typeof host !== 'string' || host === '') return `${type}://embedded`;
  return `${type}://${host}${port === undefined || port === null ? '' : `:${String(port)}`}`;
}

/** Joins the non-empty parts with dots. */
export function dottedName(...parts: readonly (string | null)[]): string {
  return parts.filter(Boolean).join('.');
}

/** The dataset of a node or source; null if it has none. */
export function datasetOf(
  id: string,
  manifest: Pick<Manifest, 'nodes' | 'sources'>,
  namespace: string,
): Dataset | null {
  const found = manifest.nodes[id] ?? manifest.sources[id];
  if (found === undefined || !DATASETS.test(id)) return null;
  const table = found.resource_type === 'source' ? found.name : found.alias;
  return { namespace, name: dottedName(found.database, found.schema, table), facets: facetsOf(found, namespace) };
}

function facetsOf(found: ManifestNode | SourceDefinition, namespace: string): Facets {
  const fields = Object.values(found.columns).map(fieldOf);
  const owners = [found.meta['owner']].flat().filter((name) => typeof name === 'string');
  return {
    dataSource: { name: namespace, uri: namespace },
    ...(found.description === '' ? {} : { documentation: { description: found.description } }),
    ...(fields.length === 0 ? {} : { schema: { fields } }),
    ...(owners.length === 0 ? {} : { ownership: { owners: owners.map((name) => ({ name })) } }),
  };
}

function fieldOf({ name, data_type, description }: ColumnInfo): object {
  return {
    name,
    ...(data_type === null || data_type === undefined ? {} : { type: data_type }),
    ...(description ? { description } : {}),
  };
}
