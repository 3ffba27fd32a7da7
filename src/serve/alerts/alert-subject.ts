// Describes the subject of a problem, from the manifest: owners, group, tags, file and line, failing rows, descendants.
// Values of secret columns are masked here, before anything is sent.
import type { Table } from '../../adapters/table.ts';
import type { Manifest } from '../../contracts/manifest.ts';
import type { Json } from '../../contracts/node.ts';
import { loadSettings } from '../../project/load-config.ts';
import { asDictionary, loadYaml, locate } from '../../project/yaml.ts';
import { ownSettings } from '../../settings/meta-settings.ts';
import { MASK } from '../../secrets.ts';
import { toText } from '../../values/text.ts';
import type { Job } from '../jobs/job.ts';
import type { Incident } from '../store/serve-store.ts';
import { DATABASE_AWAY } from './database-unavailable.ts';
import type { Downstream, FailingRows, Subject, Trouble, TroubleKind } from './alert.ts';

/** The part of the project that alerts need. */
export interface AlarmProject {
  readonly manifest: Pick<
    Manifest,
    'nodes' | 'sources' | 'exposures' | 'groups' | 'unit_tests' | 'child_map' | 'parent_map'
  >;
  readonly jobs: readonly Pick<Job, 'name' | 'path' | 'line' | 'owner'>[];
  /** Returns the text of a project file; null: it cannot be read. */
  readonly read: (path: string, packageName: string) => string | null;
}

/** Position of an error, at the end of its line in the history: `… (models/orders.sql line 3)`. */
const PLACE = / \((?:([^()]*) )?line (\d+)\)$/;

/** The result of a node in a run. */
export interface Finding {
  readonly uniqueId: string;
  /** As in the history. */
  readonly message: string | null;
  /** First failing rows; null: none were read. */
  readonly rows: Table | null;
  readonly failures: number | null;
}

const MOST_NAMES = 8;
/** Rows kept per test: the most that a channel may show. */
const MOST_ROWS = 20;
const NOTHING: Downstream = { names: [], more: 0 };
/** Nodes that check others and build nothing. */
const CHECKS = /^(test|unit_test)\./;

/** The problem of an incident, whose key names a node or a job. */
export function troubleOf(
  incident: Incident,
  project: AlarmProject,
  run: { readonly runId: string | null; readonly failed: readonly Finding[] } = { runId: null, failed: [] },
): Trouble {
  const [, about = '', what = ''] = /^[^:]*:(.*?)(?::([^:]*))?$/.exec(incident.key) ?? [];
  const job = incident.key.startsWith('job:') ? about : about.startsWith('job.') ? about.slice(4) : null;
  const { runId, failed } = run;
  const subject =
    job !== null
      ? jobSubject(job, project)
      : about in project.manifest.nodes || about in project.manifest.sources
        ? nodeSubject({ uniqueId: about, message: null, rows: null, failures: null }, project)
        : plainSubject(PLAIN[incident.key]?.what ?? (about === '' ? incident.key : about));
  return {
    incident,
    kind: kindOf(incident.key, what),
    job,
    runId,
    subject,
    parts: failed.map((finding) => nodeSubject(finding, project)),
  };
}

/** Incidents of neither a node nor a job. */
const PLAIN: Readonly<Record<string, { readonly what: string; readonly kind: TroubleKind }>> = {
  'project:broken': { what: 'the project', kind: 'project' },
  'jobs:broken': { what: 'jobs.yml', kind: 'project' },
  [DATABASE_AWAY]: { what: 'the database', kind: 'database' },
};

/** Kinds by the last part of a key. */
const KINDS: Readonly<Record<string, TroubleKind>> = {
  freshness: 'stale',
  lag: 'stale',
  late: 'stale',
  duration: 'slow',
};

function kindOf(key: string, what: string): TroubleKind {
  return PLAIN[key]?.kind ?? KINDS[what] ?? 'failed';
}

/** A job of jobs.yml, or only its name if it was removed. */
function jobSubject(name: string, { jobs }: AlarmProject): Subject {
  const job = jobs.find((each) => each.name === name);
  const subject = plainSubject(`job ${name}`);
  if (job === undefined) return subject;
  return { ...subject, owners: job.owner === null ? [] : [job.owner], path: job.path, line: job.line };
}

/** A failed node. A test also has the owners, group and tags of the tested node. */
export function nodeSubject(finding: Finding, project: AlarmProject): Subject {
  const { manifest } = project;
  const { uniqueId, message } = finding;
  const found = manifest.nodes[uniqueId] ?? manifest.sources[uniqueId] ?? manifest.unit_tests[uniqueId];
  if (found === undefined) return { ...plainSubject(uniqueId), uniqueId, message };
  const tested = testedBy(uniqueId, project);
  const facts = [uniqueId, ...(tested === null ? [] : [tested])].map((id) => factsOf(id, project));
  return {
    what: `${found.resource_type === 'source' ? 'source' : wordOf(found.resource_type)} ${nameOf(uniqueId, project)}`,
    uniqueId,
    owners: [...new Set(facts.flatMap(({ owners }) => owners))],
    group: facts.find(({ group }) => group !== null)?.group ?? null,
    tags: [...new Set(facts.flatMap(({ tags }) => tags))],
    ...placeOf(finding, found, project),
    message: message === null ? null : message.replace(PLACE, ''),
    rows: finding.rows === null ? null : rowsOf(finding.rows, finding, tested, project),
    downstream: downstreamOf(tested ?? uniqueId, project),
  };
}

/** A subject of which only the name is known. */
export function plainSubject(what: string): Subject {
  return {
    what,
    uniqueId: null,
    owners: [],
    group: null,
    tags: [],
    path: null,
    line: null,
    message: null,
    rows: null,
    downstream: NOTHING,
  };
}

function wordOf(resourceType: string): string {
  return resourceType.replaceAll('_', ' ');
}

/** `raw.events` for a source, otherwise the name. */
function nameOf(id: string, { manifest }: AlarmProject): string {
  const source = manifest.sources[id];
  if (source !== undefined) return `${source.source_name}.${source.name}`;
  return (manifest.nodes[id] ?? manifest.exposures[id] ?? manifest.unit_tests[id])?.name ?? id;
}

/** The node that a test checks; null: not a test. */
function testedBy(id: string, { manifest }: AlarmProject): string | null {
  if (!CHECKS.test(id)) return null;
  const node = manifest.nodes[id];
  const attached = node?.resource_type === 'test' ? node.attached_node : null;
  return attached ?? manifest.parent_map[id]?.[0] ?? null;
}

interface Facts {
  readonly owners: readonly string[];
  readonly group: string | null;
  readonly tags: readonly string[];
}

/** `meta.owner`, the owner of the group, tags. */
function factsOf(id: string, { manifest }: AlarmProject): Facts {
  const node = manifest.nodes[id] ?? manifest.sources[id];
  if (node === undefined) return { owners: [], group: null, tags: [] };
  const group = 'group' in node ? node.group : null;
  const owner = Object.values(manifest.groups).find(({ name }) => name === group)?.owner;
  return {
    owners: [node.meta['owner'], owner?.name, owner?.email].flat().filter((each) => typeof each === 'string'),
    group,
    tags: node.tags,
  };
}

type Found = { readonly original_file_path: string; readonly package_name: string };

/** Position of the error, or else of the test's declaration. */
function placeOf(
  { message, uniqueId }: Finding,
  found: Found,
  project: AlarmProject,
): { readonly path: string; readonly line: number | null } {
  const [, file, line] = PLACE.exec(message ?? '') ?? [];
  if (line !== undefined) return { path: file ?? found.original_file_path, line: Number(line) };
  return { path: found.original_file_path, line: lineOfTest(uniqueId, found, project) };
}

/** Line of a generic test in its properties file; null: not a generic test, or not found. */
function lineOfTest(id: string, { original_file_path, package_name }: Found, project: AlarmProject): number | null {
  const test = project.manifest.nodes[id];
  if (test?.resource_type !== 'test' || test.test_metadata === undefined) return null;
  const text = project.read(original_file_path, package_name);
  const tested = testedBy(id, project);
  if (text === null || tested === null) return null;
  const { name, namespace } = test.test_metadata;
  const names = [name, namespace === null ? name : `${namespace}.${name}`];
  const owner = nameOf(tested, project).split('.').at(-1);
  try {
    const place = findTest(loadYaml(text, original_file_path), { owner, column: test.column_name ?? null, names });
    return (place === null ? undefined : locate(text, place))?.line ?? null;
  } catch {
    // The file has changed since it was parsed.
    return null;
  }
}

interface WantedTest {
  readonly owner: string | undefined;
  readonly column: string | null;
  readonly names: readonly string[];
}

/** Path of a test's entry below the resource and column with these names. */
function findTest(value: Json, wanted: WantedTest, place: readonly (string | number)[] = []): typeof place | null {
  const children: [string | number, Json][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(asDictionary(value) ?? {});
  for (const [key, child] of children) {
    const at = [...place, key];
    const name = asDictionary(child)?.['name'];
    const [list] = place.slice(-1);
    if (list === 'columns' && wanted.column !== null && name !== wanted.column) continue;
    if (['models', 'seeds', 'snapshots', 'tables'].includes(String(list)) && name !== wanted.owner) continue;
    if (list === 'data_tests' || list === 'tests') {
      const isOfColumn = place.includes('columns');
      const called = typeof child === 'string' ? [child] : Object.keys(asDictionary(child) ?? {});
      const given = asDictionary(child)?.['test_name'];
      const isIt = [...called, ...(typeof given === 'string' ? [given] : [])].some((each) =>
        wanted.names.includes(each),
      );
      if (isIt && isOfColumn === (wanted.column !== null)) return at;
      continue;
    }
    const found = findTest(child, wanted, at);
    if (found !== null) return found;
  }
  return null;
}

function rowsOf(table: Table, finding: Finding, tested: string | null, project: AlarmProject): FailingRows {
  const secret = secretColumns(tested ?? finding.uniqueId, project);
  const test = project.manifest.nodes[finding.uniqueId];
  const column = test?.resource_type === 'test' ? (test.column_name ?? null) : null;
  const declared = tested === null ? {} : (project.manifest.nodes[tested] ?? project.manifest.sources[tested])?.columns;
  const isSecret = (name: string): boolean =>
    secret.has(name.toLowerCase()) ||
    // dbt's tests return the values of their column under other names.
    (column !== null && secret.has(column.toLowerCase()) && !(name in (declared ?? {})) && name !== 'n_records');
  const hidden = table.columnNames.map(isSecret);
  return {
    columns: table.columnNames,
    rows: table.rows
      .slice(0, MOST_ROWS)
      .map((row) => hidden.map((hides, i) => (hides ? MASK : row.at(i) === null ? '' : toText(row.at(i))))),
    total: finding.failures,
  };
}

/**
 * Lower-case names of columns with secret values: `hash` of a loaded source, and `secret: true` below `meta.tsdbt` of a
 * column, in the node and all its ancestors.
 */
function secretColumns(id: string, { manifest }: AlarmProject): ReadonlySet<string> {
  const secret = new Set<string>();
  for (const each of [id, ...reach(id, manifest.parent_map)]) {
    const node = manifest.nodes[each] ?? manifest.sources[each];
    for (const column of Object.values(node?.columns ?? {}))
      if (ownSettings(column)['secret'] === true) secret.add(column.name.toLowerCase());
    const load = loadSettings(node?.meta) ?? loadSettings(node?.config['meta']);
    const hash = load?.['hash'];
    for (const name of Array.isArray(hash) ? hash : [hash])
      if (typeof name === 'string') secret.add(name.toLowerCase());
  }
  return secret;
}

/** Descendants of a node, without tests, nearest first. */
function downstreamOf(id: string, project: AlarmProject): Downstream {
  const below = reach(id, project.manifest.child_map).filter((each) => !CHECKS.test(each));
  const names = below.map((each) => (each.startsWith('exposure.') ? 'exposure ' : '') + nameOf(each, project));
  return { names: names.slice(0, MOST_NAMES), more: Math.max(0, names.length - MOST_NAMES) };
}

/** All nodes reachable from a node, without itself, by distance. */
function reach(id: string, map: Readonly<Record<string, readonly string[]>>): string[] {
  const found = new Set([id]);
  for (const each of found) for (const next of map[each] ?? []) found.add(next);
  return [...found].slice(1);
}
