// Writes the files in target/ atomically: manifest, semantic manifest, graph summary, run results, sources, catalog.
// Other layers build their contents; state/ reads earlier ones, and pipeline/ keeps the parse cache.
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest, ManifestMetadata } from './contracts/manifest.ts';
import type { GraphNode } from './contracts/node.ts';
import type { RunResult, RunResultsArtifact } from './contracts/results.ts';
import { errorOf } from './error-table.ts';
import { type NodeFacts, ReadFacts } from './graph/node-facts.ts';
import { systemReason, type TsdbtError } from './errors.ts';
import type { KeptManifest } from './parser/kept-manifest.ts';
import { isUnread, keysOf } from './graph/unread-record.ts';
import type { MacroFacts } from './parser/read/macros.ts';
import type { Secrets } from './secrets.ts';
import { holdsMarks, markInt, stringifyJson, unmarkFloats } from './values/index.ts';
import { MOST_DATA, readFileText } from './project/read-file.ts';
import { makeFolder } from './make-folder.ts';

/** Artifacts may contain rows, SQL and names from the database, so other users of the machine cannot read them. */
const PRIVATE = 0o600;
const PRIVATE_FOLDER = 0o700;

const ARTIFACT_FILES = {
  manifest: 'manifest.json',
  semanticManifest: 'semantic_manifest.json',
  graphSummary: 'graph_summary.json',
  runResults: 'run_results.json',
  sources: 'sources.json',
  catalog: 'catalog.json',
} as const;

/** What differs between writes of a manifest, by dbt's name of the manifest type. */
export const MANIFEST_FILES: readonly (readonly [type: string, file: string])[] = [
  ['WritableManifest', ARTIFACT_FILES.manifest],
  ['SemanticManifest', ARTIFACT_FILES.semanticManifest],
];

/**
 * Writes a file atomically: readers see the old content or the new, never a part.
 * @throws TsdbtError `runtime` if the folder cannot be written
 */
export function writeFileAtomically(path: string, ...parts: readonly (string | Uint8Array)[]): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    makeFolder(dirname(path), PRIVATE_FOLDER);
    const file = openSync(temporary, 'wx', PRIVATE);
    try {
      for (const part of parts) writeFileSync(file, part);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary, { force: true });
    throw cannotWrite(path, error);
  }
}

/**
 * Writes one of the many small files in target/compiled and target/run. Skips an unchanged file. Replaces a changed
 * file by a new one, because truncating in place makes some file systems wait for the disk.
 * @throws TsdbtError `runtime` if the folder cannot be written
 */
export function writeIfChanged(path: string, text: string): void {
  try {
    const present = readIfPresent(path);
    if (present === text) return;
    if (present === null) {
      // dbt versions before 1.12 write a snapshot as a file where there is a folder now.
      if (statSync(dirname(path), { throwIfNoEntry: false })?.isFile()) rmSync(dirname(path));
      makeFolder(dirname(path), PRIVATE_FOLDER);
    } else rmSync(path);
    const file = openNew(path);
    try {
      writeFileSync(file, text);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Creates a file. Anything at its path, such as a link or a pipe, is removed first and never written to. */
function openNew(path: string): number {
  try {
    return openSync(path, 'wx', PRIVATE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    rmSync(path);
    return openSync(path, 'wx', PRIVATE);
  }
}

function cannotWrite(path: string, cause: unknown): TsdbtError {
  return errorOf('cannotWrite', { path, why: systemReason(cause, path) }, { cause });
}

function readIfPresent(path: string): string | null {
  try {
    return readFileText(path, MOST_DATA);
  } catch {
    return null;
  }
}

/** Writes one artifact and masks secrets. */
export function writeArtifact(path: string, value: unknown, secrets: Secrets): void {
  writeFileAtomically(path, secrets.maskJson(artifactJson(value)));
}

/** Serializes JSON as dbt does: `NaN` and infinities become null, template values their plain JSON form. */
export function artifactJson(value: unknown): string {
  try {
    return stringifyJson(value);
  } catch (error) {
    // JSON.stringify rejects bigint, which represents integers beyond 2^53.
    if (error instanceof TypeError) return unmarkFloats(JSON.stringify(value, replaceValues));
    throw error;
  }
}

function replaceValues(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return markInt(value);
  if (typeof value === 'object' && value !== null && 'jinjaType' in value) {
    const { toJsonValue, jinjaText } = value as { toJsonValue?: () => unknown; jinjaText?: () => string };
    if (toJsonValue !== undefined) return toJsonValue.call(value);
    return jinjaText === undefined ? null : jinjaText.call(value);
  }
  return value;
}

/** Fields that only compilation adds to nodes. */
const COMPILED_FIELDS: readonly string[] = ['compiled', 'compiled_code', 'extra_ctes_injected', 'extra_ctes'];

/** Tables of the manifest that a run changes, or that are new in each manifest. */
const TABLES_OF_A_RUN: ReadonlySet<string> = new Set(['metadata', 'nodes', 'functions']);

/**
 * Writes manifest.json and semantic_manifest.json.
 * @param parse its tables that a run does not change are copied without decoding
 */
export function writeManifest(
  targetPath: string,
  manifest: Manifest,
  secrets: Secrets,
  parse: { readonly kept: KeptManifest; readonly facts: NodeFacts },
): void {
  const { kept, facts } = parse;
  const parts: (string | Uint8Array)[] = [];
  for (const name of Object.keys(manifest)) {
    const table = TABLES_OF_A_RUN.has(name) ? undefined : kept.table(name);
    const value = name === 'nodes' || table !== undefined ? null : Reflect.get(manifest, name);
    if (value === undefined) continue;
    parts.push(`${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`);
    if (name === 'nodes') parts.push('{', ...nodesOfARun(manifest.nodes, secrets, kept), '}');
    else
      parts.push(table === undefined ? secrets.maskJson(artifactJson(value)) : writable(table, secrets, kept.marked));
  }
  writeFileAtomically(join(targetPath, ARTIFACT_FILES.manifest), ...parts, '}');
  writeArtifact(join(targetPath, ARTIFACT_FILES.semanticManifest), semanticManifest(manifest, facts), secrets);
}

/** Rows of the nodes, with commas. Nodes that were never decoded are copied from the parse. */
function nodesOfARun(nodes: Manifest['nodes'], secrets: Secrets, kept: KeptManifest): (string | Uint8Array)[] {
  const parts: (string | Uint8Array)[] = [];
  let unread: string[] = [];
  const add = (part: string | Uint8Array): void => void parts.push(...(parts.length === 0 ? [] : [',']), part);
  const flush = (): void => {
    for (const rows of kept.rows(unread)) add(writable(rows, secrets, kept.marked));
    unread = [];
  };
  for (const id of keysOf(nodes)) {
    if (isUnread(nodes, id)) {
      unread.push(id);
      continue;
    }
    flush();
    const node = nodes[id];
    if (node !== undefined) add(`${JSON.stringify(id)}:${secrets.maskJson(artifactJson(writableNode(node)))}`);
  }
  flush();
  return parts;
}

/**
 * Writes the manifest of a parse whose body is already JSON.
 * @param kept the body's manifest
 * @param manifest returns the manifest; called only if semantic_manifest.json may have changed
 */
export function writeParsedManifest(
  targetPath: string,
  metadata: ManifestMetadata,
  body: Uint8Array,
  kept: KeptManifest,
  manifest: (() => Manifest) | null,
  secrets: Secrets,
): void {
  writeFileAtomically(
    join(targetPath, ARTIFACT_FILES.manifest),
    `{"metadata":${secrets.maskJson(artifactJson(metadata))},`,
    writable(body, secrets, kept.marked).subarray(1),
  );
  const semantic = join(targetPath, ARTIFACT_FILES.semanticManifest);
  const read = manifest?.();
  if (read !== undefined) writeArtifact(semantic, semanticManifest(read, new ReadFacts(read.nodes)), secrets);
}

/** Converts marked JSON to the artifact's form. @param marked whether it may contain marks */
function writable(json: Uint8Array, secrets: Secrets, marked: boolean): Uint8Array {
  if (!secrets.isIn(json) && !(marked && holdsMarks(json))) return json;
  return Buffer.from(secrets.maskJson(unmarkFloats(textOf(json))), 'utf8');
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

/** Whether an earlier parse wrote semantic_manifest.json. */
export function hasSemanticManifest(targetPath: string): boolean {
  return existsSync(join(targetPath, ARTIFACT_FILES.semanticManifest));
}

/** Macros of the built-in packages as parsed by the build; undefined if the program runs from source. */
export function readBuiltinMacros(): readonly MacroFacts[] | undefined {
  const path = join(dirname(fileURLToPath(import.meta.url)), 'builtin-macros.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as MacroFacts[]) : undefined;
}

/** Changes with every build of the program: parses of another build are not reused. */
export function engineStamp(): string {
  const { mtimeMs, size } = statSync(fileURLToPath(import.meta.url));
  return `${mtimeMs}-${size}`;
}

/** Drops the fields of a node that dbt omits from the artifact. */
function writableNode(node: GraphNode): unknown {
  const fields = node as { compiled?: boolean; defer_relation?: unknown; [field: string]: unknown };
  if (fields.compiled !== true && COMPILED_FIELDS.some((name) => name in fields)) {
    const copy = { ...fields };
    for (const name of COMPILED_FIELDS) delete copy[name];
    delete copy.defer_relation;
    return copy;
  }
  if (!('defer_relation' in fields)) return node;
  const { defer_relation: _defer, ...rest } = fields;
  return rest;
}

/** Builds the input of semantic layer tools: semantic models, metrics, saved queries, time spines. */
function semanticManifest(manifest: Manifest, facts: NodeFacts): unknown {
  const spines = keysOf(manifest.nodes)
    .filter((id) => facts.isTimeSpine(id))
    .flatMap((id) => manifest.nodes[id] ?? []);
  const pick = (node: object, keys: readonly string[]): Record<string, unknown> => {
    const fields = node as Record<string, unknown>;
    return Object.fromEntries(keys.map((key) => [key, fields[key] ?? null]));
  };
  return {
    semantic_models: Object.values(manifest.semantic_models).map((model) => ({
      ...pick(model, [
        'name',
        'defaults',
        'description',
        'node_relation',
        'primary_entity',
        'dimensions',
        'label',
        'metadata',
      ]),
      entities: (model['entities'] as object[]).map((entity) => ({ ...entity, metadata: null })),
      measures: (model['measures'] as object[]).map((measure) => ({ ...measure, metadata: null })),
      config: metaOnly(model),
    })),
    metrics: Object.values(manifest.metrics).map((metric) => ({
      ...pick(metric, [
        'name',
        'description',
        'type',
        'type_params',
        'filter',
        'metadata',
        'label',
        'time_granularity',
      ]),
      config: metaOnly(metric),
      datatype: null,
    })),
    project_configuration: {
      time_spine_table_configurations: [],
      metadata: null,
      dsi_package_version: { major_version: '0', minor_version: '213', patch_version: '0' },
      time_spines: spines.map((node) => {
        const spine = (
          node as unknown as { time_spine: { standard_granularity_column: string; custom_granularities: unknown } }
        ).time_spine;
        const column = node.columns[spine.standard_granularity_column];
        return {
          node_relation: {
            alias: node.alias,
            schema_name: node.schema,
            database: node.database,
            relation_name: node.relation_name,
          },
          primary_column: { name: spine.standard_granularity_column, time_granularity: column?.granularity ?? null },
          custom_granularities: spine.custom_granularities,
        };
      }),
    },
    saved_queries: Object.values(manifest.saved_queries).map((query) => ({
      ...pick(query, ['name', 'query_params', 'description', 'metadata', 'label', 'tags']),
      exports: (query['exports'] as { name: string; config: object }[]).map(({ name, config }) => ({
        name,
        config: pick(config, ['export_as', 'schema_name', 'alias']),
      })),
    })),
  };
}

function metaOnly(node: { readonly [field: string]: unknown }): { meta: unknown } {
  return { meta: (node['config'] as { meta?: unknown } | undefined)?.meta ?? {} };
}

/** Writes graph_summary.json: each node's number, name, type and successors, before and with tests. */
export function writeGraphSummary(
  targetPath: string,
  invocationId: string,
  linked: readonly GraphSummaryNode[],
  withTests: readonly GraphSummaryNode[] | null,
  secrets: Secrets,
): void {
  const summary = {
    _invocation_id: invocationId,
    linked: numbered(linked),
    ...(withTests === null ? {} : { with_test_edges: numbered(withTests) }),
  };
  writeArtifact(join(targetPath, ARTIFACT_FILES.graphSummary), summary, secrets);
}

function numbered(nodes: readonly GraphSummaryNode[]): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  nodes.forEach(({ name, type, successors }, i) => {
    out[i] = successors.length === 0 ? { name, type } : { name, type, succ: successors };
  });
  return out;
}

export interface GraphSummaryNode {
  readonly name: string;
  readonly type: string;
  /** Indexes in the list of nodes. */
  readonly successors: readonly number[];
}

/** Writes run_results.json and masks secrets. */
export function writeRunResults(targetPath: string, artifact: RunResultsArtifact, secrets: Secrets): void {
  const results = artifact.results.map(({ node: _node, transient: _transient, ...result }: RunResult) => ({
    ...result,
    overload_results: result.overload_results ?? null,
  }));
  writeArtifact(
    join(targetPath, ARTIFACT_FILES.runResults),
    { ...artifact, args: secrets.maskArguments(artifact.args), results },
    secrets,
  );
}
