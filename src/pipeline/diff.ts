// Compares relations of the project with those of another target, or with their published copies. Decides which
// relations are compared by which key; src/diff compares.
import type { Adapter } from '../adapters/adapter.ts';
import { relationFrom } from '../context/relations.ts';
import type { ManifestNode } from '../contracts/node.ts';
import type { PublicationNode } from '../contracts/publication.ts';
import { createSide } from '../diff/create-side.ts';
import { diffRelations } from '../diff/diff.ts';
import type { DiffRequest } from '../diff/plan.ts';
import { type DiffResult, isEqual } from '../diff/result.ts';
import { errorOf } from '../error-table.ts';
import { type ErrorKind, TsdbtError } from '../errors.ts';
import { note } from '../events/index.ts';
import { createRunContext } from '../runner/context.ts';
import { openSession } from '../runner/open-session.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { toText } from '../values/text.ts';
import { select } from './select.ts';

/** The comparison of two relations. */
export interface Compared {
  /** `orders`, or the name of the publication. */
  readonly name: string;
  readonly uniqueId: string;
  /** Target and relation, for display. */
  readonly here: string;
  readonly there: string;
  readonly equal: boolean;
  readonly result: DiffResult;
}

/** Relations that could not be compared: one does not exist, or a key is not unique. */
export interface NotCompared {
  readonly name: string;
  readonly uniqueId: string;
  readonly error: TsdbtError;
}

/** Kinds of errors that end a single comparison. Errors of options and of the project end all. */
const OF_ONE: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['runtime', 'database', 'connection']);

/** @param key overrides the project's key; empty: does not */
export type DiffOptions = DiffRequest;

/** Compares the selected models, seeds and snapshots, one after the other. @param other the project with that target */
export async function* diffTargets(
  parsed: ParsedProject,
  other: ParsedProject,
  options: DiffOptions,
): AsyncGenerator<Compared | NotCompared> {
  const target = other.config.profile.target_name;
  for (const id of selectedOf(parsed, 'clone')) {
    const node = parsed.manifest.nodes[id];
    if (node === undefined || node.config.materialized === 'ephemeral') continue;
    yield await attempt(node.name, id, () => {
      const there = other.manifest.nodes[id];
      if (there === undefined) throw errorOf('diffNodeMissing', { node: node.name, target });
      return compare(parsed, node, placeOf(parsed, node), { ...placeOf(other, there), parsed: other }, options);
    });
  }
}

/**
 * Compares the selected publications with the published nodes, one after the other. Copies in files are skipped and
 * listed.
 * @throws `diffNoCopy` if there are no others
 */
export async function* diffCopies(parsed: ParsedProject, options: DiffOptions): AsyncGenerator<Compared | NotCompared> {
  const inFiles: string[] = [];
  let compared = 0;
  for (const id of selectedOf(parsed, 'publish')) {
    const publication = parsed.manifest.publications?.[id];
    const node = parsed.manifest.nodes[publication?.depends_on.nodes[0] ?? ''];
    if (publication === undefined || node === undefined) continue;
    const place = await placeOfCopy(parsed, publication);
    if (place === null) {
      inFiles.push(publication.name);
      continue;
    }
    compared++;
    const { key, columns } = publication.config;
    const asked = {
      ...options,
      key: options.key.length > 0 ? options.key : key,
      columns: options.columns ?? columns,
    };
    yield await attempt(publication.name, id, async () => ({
      ...(await compare(parsed, node, placeOf(parsed, node), { ...place, parsed }, asked)),
      name: publication.name,
      uniqueId: id,
    }));
  }
  const [first] = inFiles;
  if (first === undefined) return;
  if (compared === 0) throw errorOf('diffNoCopy', { publication: first });
  note(parsed.logger, `Not compared, since only copies in databases are: ${inFiles.join(', ')}`, { level: 'warn' });
}

/** A comparison that fails does not stop the others. */
async function attempt(name: string, uniqueId: string, work: () => Promise<Compared>): Promise<Compared | NotCompared> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TsdbtError && OF_ONE.has(error.kind)) return { name, uniqueId, error };
    throw error;
  }
}

function selectedOf(parsed: ParsedProject, which: string): string[] {
  return [...select(parsed, { which }).selected].sort();
}

interface Place {
  readonly adapter: Adapter;
  readonly relation: ReturnType<typeof relationFrom>;
  /** The adapter of a target or a connection. */
  readonly of: string;
}

function placeOf({ adapter, config }: ParsedProject, node: ManifestNode): Place {
  return {
    adapter,
    relation: relationFrom(adapter, config.project.quoting, node),
    of: config.profile.target_name,
  };
}

/** @returns null: the copy consists of files */
async function placeOfCopy({ receivers }: ParsedProject, publication: PublicationNode): Promise<Place | null> {
  const { to, table } = publication.config;
  const opened = await receivers.connection(to);
  if (table === null || opened.type !== 'database') return null;
  const { adapter, schema: fallback } = opened;
  const [identifier = '', schema = fallback] = table.split('.').reverse();
  return { adapter, relation: adapter.createRelation({ schema, identifier }), of: to };
}

async function compare(
  parsed: ParsedProject,
  node: ManifestNode,
  ours: Place,
  theirs: Place & { readonly parsed: ParsedProject },
  options: DiffOptions,
): Promise<Compared> {
  const key = options.key.length > 0 ? options.key : keyOf(parsed, node);
  if (key.length === 0) throw errorOf('diffWithoutKey', { node: node.name }, { node });
  const together = await areOneDatabase(ours.adapter, theirs.adapter);
  const here = openSession(createRunContext(parsed, new Set()), node.unique_id, node, undefined, ours.adapter);
  const there = openSession(
    createRunContext(theirs.parsed, new Set()),
    node.unique_id,
    node,
    undefined,
    theirs.adapter,
  );
  try {
    const result = await diffRelations(
      createSide(ours.adapter, here, ours.relation),
      createSide(theirs.adapter, together ? here : there, theirs.relation),
      { ...options, key },
      together,
    );
    return {
      name: node.name,
      uniqueId: node.unique_id,
      here: `${ours.of}: ${ours.relation.render()}`,
      there: `${theirs.of}: ${theirs.relation.render()}`,
      equal: isEqual(result),
      result,
    };
  } finally {
    await Promise.all([here.release(), there.release()]);
  }
}

/**
 * The default database and schema differ between targets; if everything else is equal, both are the same database,
 * reached as the same user.
 */
const OF_NAMES: ReadonlySet<string> = new Set(['schema', 'search_path']);

async function areOneDatabase(a: Adapter, b: Adapter): Promise<boolean> {
  // The port of an embedded server is known only after connecting.
  await Promise.all([a.check(), b.check()]);
  const facts = (adapter: Adapter): string => {
    const shown = adapter.connectionInfo().filter(([name]) => !OF_NAMES.has(name));
    return [adapter.type, ...shown.map(([name, value]) => `${name} ${toText(value)}`)].join('\n');
  };
  return facts(a) === facts(b);
}

/** Returns the key columns of a node according to the project: unique_key, the primary key, or a uniqueness test. */
function keyOf({ manifest }: ParsedProject, node: ManifestNode): readonly string[] {
  // Versions of a snapshot's row share its key; dbt_scd_id, computed from key and time, is unique.
  if (node.resource_type === 'snapshot') return [scdColumn(node.config)];
  const { unique_key: unique } = node.config;
  const named = typeof unique === 'string' ? [unique] : Array.isArray(unique) ? unique.map(String) : [];
  // An expression is not a column.
  if (named.length > 0 && named.every((name) => /^\w+$/.test(name))) return named;
  if ('primary_key' in node && node.primary_key.length > 0) return node.primary_key;
  for (const test of Object.values(manifest.nodes)) {
    if (test.resource_type !== 'test' || test.attached_node !== node.unique_id) continue;
    const column = test.test_metadata?.kwargs['column_name'];
    if (test.test_metadata?.name === 'unique' && typeof column === 'string') return [column];
  }
  return [];
}

function scdColumn(config: ManifestNode['config']): string {
  const names: unknown = config['snapshot_meta_column_names'];
  const own: unknown = typeof names === 'object' && names !== null && 'dbt_scd_id' in names ? names.dbt_scd_id : null;
  return typeof own === 'string' ? own : 'dbt_scd_id';
}
