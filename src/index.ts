// The library, and the pipeline on one screen: load → parse → select → compile → run → write. Every command is made of these functions;
// what they do is in the folders below. Console, process and exit codes are the command line's.
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Adapter } from './adapters/adapter.ts';
import { createAdapter } from './adapters/index.ts';
import { engineStamp, readBuiltinMacros, readParseCache, writeIfChanged, writeGraphSummary, writeManifest, writeParseCache, writeParsedManifest, writeRunResults } from './artifacts.ts';
import type { ScopeFactory } from './compiler/node-scope.ts';
import { createMacroResolver } from './context/macro-resolver.ts';
import { ManifestLookup } from './context/manifest-lookup.ts';
import { createQueryComment } from './context/query-comment.ts';
import { createTemplateEnvironments, type TemplateEnvironments } from './context/templates.ts';
import { createFileRenderer } from './context/yaml-scope.ts';
import type { Manifest } from './contracts/manifest.ts';
import type { GraphNode, Json } from './contracts/node.ts';
import type { Flags, Invocation, RuntimeConfig, SourceFile } from './contracts/project.ts';
import type { RunResult } from './contracts/results.ts';
import { buildGraph, type Dag } from './graph/dag.ts';
import { createQueue } from './graph/queue.ts';
import { resourceTypesFor } from './graph/resource-types.ts';
import { type Selection, select as selectNodes } from './graph/selector.ts';
import { type IndirectSelection, parseSelectorDefinitions } from './graph/selector-grammar.ts';
import type { Logger } from './log.ts';
import { parseWithCache } from './parser/parse-cache.ts';
import { readSourceFiles } from './project/files.ts';
import { loadRuntimeConfig } from './project/runtime-config.ts';
import { loadYaml } from './project/yaml.ts';
import { createAdapterHooks } from './runner/adapter-hooks.ts';
import { kindFor } from './runner/kinds.ts';
import type { NodeKind } from './runner/run-node.ts';
import { artifactMetadata } from './runner/metadata.ts';
import { type RunContext, lookupNode } from './runner/run-context.ts';
import { RunLog } from './runner/run-log.ts';
import { foundCounts } from './runner/run-summary.ts';
import { run as runQueue, type RunOutcome } from './runner/run.ts';
import { sampleWindow } from './runner/sample-window.ts';
import { seedTable } from './runner/seed-table.ts';
import { Journal } from './state/journal.ts';
import { ViewStore } from './state/view-store.ts';

export { formatError, TsdbtError } from './errors.ts';
export type { LogEvent, Logger } from './log.ts';
export type { Manifest } from './contracts/manifest.ts';
export type { RunResult } from './contracts/results.ts';
export type { Flags, Invocation, RuntimeConfig } from './contracts/project.ts';

export interface LoadOptions {
  readonly projectDir?: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: Flags;
  readonly invocation: Invocation;
  readonly logger: Logger;
  /** Milliseconds since 1970, with a fraction. */
  readonly now: () => number;
  /** Of this process: tells a run that was killed from one that is at work. */
  readonly pid: number;
}

/** A project with its configuration and the adapter of its target; no connection is open. */
export interface LoadedProject {
  readonly config: RuntimeConfig;
  readonly adapter: Adapter;
  readonly templates: TemplateEnvironments;
  readonly logger: Logger;
  readonly now: () => number;
  readonly pid: number;
  /** Absolute. */
  readonly targetPath: string;
}

/** A project's manifest and the graph of it. */
export interface ParsedProject extends LoadedProject { readonly manifest: Manifest; readonly dag: Dag }

/**
 * Reads dbt_project.yml, profiles.yml, packages, variables.
 * @throws {TsdbtError} in dbt's words for whatever is wrong with them
 */
export async function load(options: LoadOptions): Promise<LoadedProject> {
  const { env, cwd, flags, invocation, logger, now } = options;
  const templates = createTemplateEnvironments();
  const render = createFileRenderer({ env, logger, flags: null, invocation, loadYaml: (text) => loadYaml(text, null), clock: now }, templates);
  const config = await loadRuntimeConfig({
    projectDir: options.projectDir ?? (flags['project_dir'] as string | undefined), profilesDir: flags['profiles_dir'] as string | undefined,
    profile: flags['profile'] as string | undefined, target: flags['target'] as string | undefined, vars: flags['vars'] as { [name: string]: Json } | undefined,
    flags, env, cwd, invocation, render, logger,
  });
  const { project, profile } = config;
  const notify = (msg: string): void => logger.fire({ name: 'Note', code: 'Z050', level: 'info', msg, data: { msg } });
  const adapter = await createAdapter(profile, { quoting: project.quoting, threads: flags.threads ?? profile.threads, projectDir: project.project_root, notify });
  return { config, adapter, templates, logger, now, pid: options.pid, targetPath: resolve(project.project_root, project.target_path) };
}

/**
 * Parses every file of the project and writes manifest.json.
 * @throws {TsdbtError} the first thing that is wrong, with file and line
 */
export function parse(loaded: LoadedProject, options: { write?: boolean; files?: readonly SourceFile[] } = {}): ParsedProject {
  const { config, adapter, logger, targetPath } = loaded;
  const previous = config.flags.partial_parse ? readParseCache(targetPath) : null;
  if (previous === null && config.flags.partial_parse) {
    const reason = 'saved manifest not found. Starting full parse.';
    logger.fire({ name: 'UnableToPartialParse', code: 'I024', level: 'info', msg: `Unable to do partial parsing because ${reason}`, data: { reason } });
  }
  const files = options.files ?? readSourceFiles(config);
  const { manifest, cache, reused } = parseWithCache({ config, files, adapter, logger, previous, engine: engineStamp(), builtinMacros: readBuiltinMacros });
  if (!reused) writeParseCache(targetPath, cache);
  const parsed = { ...loaded, manifest, dag: buildGraph(manifest, { testEdges: config.flags.which === 'build' }) };
  if (options.write !== false && config.flags.write_json) writeParsedManifest(targetPath, manifest, cache.body);
  return parsed;
}

/** What a command works on, by `--select`, `--exclude`, `--selector` and the types of resources that are its own. */
export function select(parsed: ParsedProject, options: { which?: string; accepts?: (id: string) => boolean } = {}): Selection {
  const { config: { flags, project }, manifest, dag } = parsed;
  const indirect = flags.indirect_selection as IndirectSelection;
  const which = options.which ?? flags.which;
  return selectNodes(manifest, dag, {
    select: flags['select'] as string[] | undefined, exclude: flags['exclude'] as string[] | undefined, selector: flags['selector'] as string | undefined,
    definitions: parseSelectorDefinitions(project.selectors, indirect), indirectSelection: indirect, accepts: options.accepts,
    resourceTypes: resourceTypesFor(which, {
      include: flags['resource_types'] as string[] | undefined, exclude: flags['exclude_resource_types'] as string[] | undefined, inline: Boolean(flags['inline']),
    }),
  });
}

export interface RunRequest {
  /** unique_ids; `select` gives them. */
  readonly selected: ReadonlySet<string>;
  /** Aborted to stop: running statements are cancelled on the server. */
  readonly signal?: AbortSignal | null;
}

/** What makes commands differ in how they run. */
interface Manner { readonly builds: boolean; readonly hooks: boolean; readonly counts: boolean; readonly raiseFirst: boolean }

const MANNERS: Readonly<Record<string, Manner>> = {
  run: { builds: true, hooks: true, counts: true, raiseFirst: false },
  build: { builds: true, hooks: true, counts: true, raiseFirst: false },
  seed: { builds: true, hooks: true, counts: true, raiseFirst: false },
  snapshot: { builds: true, hooks: true, counts: true, raiseFirst: false },
  test: { builds: true, hooks: true, counts: true, raiseFirst: false },
  freshness: { builds: false, hooks: true, counts: true, raiseFirst: false },
  compile: { builds: false, hooks: false, counts: false, raiseFirst: true },
  show: { builds: false, hooks: false, counts: false, raiseFirst: true },
  generate: { builds: false, hooks: false, counts: false, raiseFirst: true },
};

/** Everything that a run, or a macro called by itself, needs of a parsed project. */
export function createRunContext(parsed: ParsedProject, selected: ReadonlySet<string>, more: Partial<Pick<RunContext, 'journal'>> = {}): RunContext {
  const { config, manifest, adapter, templates, logger, now } = parsed;
  const { project, flags } = config;
  const context: ScopeFactory['context'] = {
    config, adapter, templates, logger, env: config.env, flags, invocation: config.invocation, loadYaml: (text) => loadYaml(text, null), clock: now, warn: (event) => logger.fire(event),
  };
  const readSource = sourceReader(config);
  const resolver = createMacroResolver(Object.values(manifest.macros), {
    rootPackage: project.project_name, internalPackages: [`dbt_${adapter.type}`, 'dbt'], adapterTypes: [adapter.type], dispatch: project.dispatch,
    packages: config.packages.map((p) => p.project_name), environment: templates.runtime,
  }, (macro) => lineOf(readSource(macro.original_file_path, macro.package_name), macro.macro_sql));
  const comment = createQueryComment(context, resolver);
  const groups = new Map(Object.values(manifest.groups).map((g) => [g.name, g]));
  const working = { ...manifest, nodes: { ...manifest.nodes } };
  const views = new ViewStore(join(parsed.targetPath, 'view_state.json'), databaseKey(adapter), !flags.full_refresh);
  const scopes: ScopeFactory = {
    context, adapterHooks: createAdapterHooks(working, adapter.type, logger, views), lookup: new ManifestLookup(working, { rootPackage: project.project_name, nodePackageFirst: flags['require_ref_searches_node_package_before_root'] === true }),
    sample: typeof flags['sample'] === 'string' ? sampleWindow(flags['sample'], (text) => loadYaml(text, null), now()) : null,
    loadSeed: (node) => {
      const root = config.packages.find((p) => p.project_name === node.package_name)?.project_root ?? project.project_root;
      return seedTable(node, readFileSync(join(root, node.original_file_path), 'utf8'), logger, flags.empty);
    },
  };
  const log = new RunLog(logger, flags.printer_width, (id) => {
    const node = lookupNode(working, id) as { group?: string | null } | undefined;
    return node?.group ? groups.get(node.group) : undefined;
  });
  return {
    config, manifest: working, adapter, resolver, logger, log, scopes, selected, ephemerals: new Map(), sources: new Map(), tables: new Map(), now,
    journal: more.journal ?? null, views,
    queryComment: (node: GraphNode) => {
      let text: ReturnType<typeof comment> | undefined;
      return () => (text === undefined ? (text = comment(node.unique_id, node.unique_id.startsWith('operation.') ? null : node)) : text);
    },
    readSource: (path) => readSource(path),
    write: (path, text) => writeIfChanged(isAbsolute(path) ? path : join(project.project_root, path), text),
  };
}

/** Tells databases apart in files that several targets share. */
function databaseKey(adapter: Adapter): string {
  return adapter.connectionInfo().filter(([name]) => name === 'host' || name === 'port' || name === 'database').map(([, value]) => String(value)).join('|');
}

/** Reads files of the project and its packages, each once; those of a package first when it is named. */
function sourceReader(config: RuntimeConfig): (path: string, packageName?: string) => string | null {
  const texts = new Map<string, string | null>();
  return (path, packageName) => {
    const key = `${packageName ?? ''}:${path}`;
    const known = texts.get(key);
    if (known !== undefined) return known;
    const packages = packageName === undefined ? config.packages : config.packages.filter((p) => p.project_name === packageName);
    const found = packages.map((p) => join(p.project_root, path)).find((file) => existsSync(file));
    const text = found === undefined ? null : readFileSync(found, 'utf8').replaceAll('\r\n', '\n');
    texts.set(key, text);
    return text;
  };
}

/** Line of a file on which a part of it begins. */
function lineOf(text: string | null, part: string): number | undefined {
  const at = text?.indexOf(part) ?? -1;
  return text === null || at < 0 ? undefined : text.slice(0, at).split('\n').length;
}

/** Runs what was selected, in the manner of the command that the flags name, and gives one result a node. */
export async function run(parsed: ParsedProject, request: RunRequest, options: { which?: string; ctx?: RunContext; kindOf?: (node: GraphNode) => NodeKind } = {}): Promise<RunOutcome & { ctx: RunContext }> {
  const { config, manifest, targetPath, now } = parsed;
  const { flags, profile, invocation } = config;
  const which = options.which ?? flags.which;
  const manner = MANNERS[which]!;
  const unitTests = new Map<string, string[]>();
  const nodes = new Set(request.selected);
  if (which === 'build') {
    for (const id of request.selected) {
      const model = manifest.unit_tests[id]?.depends_on.nodes[0];
      if (model === undefined || !request.selected.has(model)) continue;
      unitTests.set(model, [...(unitTests.get(model) ?? []), id]);
      nodes.delete(id);
    }
  }
  const { dag } = parsed;
  const journal = manner.builds && flags.write_json ? Journal.open(join(targetPath, 'run.journal'), {
    invocation_id: invocation.invocation_id, command: invocation.command, args: invocation.args, started_at: invocation.started_at.toISOString(), pid: parsed.pid, selected: [...request.selected],
  }) : null;
  const ctx = options.ctx ?? createRunContext(parsed, request.selected, { journal });
  const outcome = await runQueue(ctx, createQueue(dag, nodes), {
    threads: flags['single_threaded'] === true ? 1 : flags.threads ?? profile.threads, build: which === 'build', failFast: flags.fail_fast, raiseFirst: manner.raiseFirst,
    kindOf: options.kindOf ?? kindFor(which), unitTests, descendants: (id) => (dag.has(id) ? dag.dependants(id) : []), keepEphemeral: which === 'show' || which === 'compile' && Boolean((flags['select'] as string[] | undefined)?.length || flags['inline']),
    signal: request.signal ?? null, hooks: manner.hooks, createSchemas: manner.builds, countsLine: manner.counts, connect: flags.introspect || manner.builds,
  });
  ctx.views.save();
  journal?.end(new Date(now()).toISOString(), outcome.elapsed);
  return { ...outcome, ctx };
}

/** Writes manifest.json with what was compiled, and run_results.json. */
export function write(parsed: ParsedProject, ctx: RunContext, results: readonly RunResult[], elapsed: number): void {
  const { config, targetPath, now } = parsed;
  if (!config.flags.write_json) return;
  writeManifest(targetPath, ctx.manifest);
  ctx.log.artifactWritten('WritableManifest', join(targetPath, 'manifest.json'));
  writeRunResults(targetPath, { metadata: artifactMetadata(config, 'run-results', 6, now()), results: [...results], elapsed_time: elapsed, args: config.invocation.args });
  ctx.log.artifactWritten('RunExecutionResult', join(targetPath, 'run_results.json'));
}

/** `Found 20 models, 5 seeds, …`: says what the project holds. */
export function reportCounts(parsed: ParsedProject, log: RunLog): void {
  const { manifest } = parsed;
  const counts = new Map<string, number>();
  for (const node of Object.values(manifest.nodes)) counts.set(node.resource_type, (counts.get(node.resource_type) ?? 0) + 1);
  const groups = [['source', 'sources'], ['exposure', 'exposures'], ['metric', 'metrics'], ['macro', 'macros'], ['group', 'groups'], ['semantic_model', 'semantic_models'], ['saved_query', 'saved_queries'], ['unit_test', 'unit_tests']] as const;
  for (const [word, key] of groups) counts.set(word, Object.keys(manifest[key]).length);
  log.foundStats(foundCounts(counts));
}

/** Writes graph_summary.json: the edges of the project, small. */
export function writeSummary(parsed: ParsedProject): void {
  const { dag, manifest, config, targetPath } = parsed;
  const nodes = dag.nodes.map((id) => ({ name: id, type: lookupNode(manifest, id)?.resource_type ?? '', successors: dag.children(id) }));
  writeGraphSummary(targetPath, config.invocation.invocation_id, nodes, nodes);
}
