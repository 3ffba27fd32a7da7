// The library, and the pipeline on one screen: load → parse → select → compile → run → write. Every command is made of
// these functions; what they do is in the folders below. Console, process and exit codes are the command line's.
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Adapter } from './adapters/adapter.ts';
import { createAdapter } from './adapters/index.ts';
import {
  engineStamp,
  hasSemanticManifest,
  readBuiltinMacros,
  readParseCache,
  writeIfChanged,
  writeGraphSummary,
  writeManifest,
  writeParseCache,
  writeParsedManifest,
  writeRunResults,
} from './artifacts.ts';
import { createTemplateEnvironments } from './context/templates.ts';
import { createFileRenderer } from './context/yaml-scope.ts';
import type { Json } from './contracts/node.ts';
import type { Flags, Invocation, RuntimeConfig, SourceFile } from './contracts/project.ts';
import type { RunResult } from './contracts/results.ts';
import { buildGraph, type Dag } from './graph/dag.ts';
import { resourceTypesFor } from './graph/resource-types.ts';
import { type Selection, select as selectNodes } from './graph/selector.ts';
import { type IndirectSelection, parseSelectorDefinitions } from './graph/selector-grammar.ts';
import type { PreviousState } from './graph/state-methods.ts';
import type { Logger } from './log.ts';
import { groupWarnings } from './parser/table/grouped-warnings.ts';
import { isUnchanged, parseWithCache } from './parser/parse-cache.ts';
import { readSourceFiles } from './project/files.ts';
import { readFileText } from './project/read-file.ts';
import { resolveFlags } from './project/flags.ts';
import { readProjectSettings } from './project/project.ts';
import { loadRuntimeConfig } from './project/runtime-config.ts';
import { DBT_VERSION } from './project/versions.ts';
import { loadYaml } from './project/yaml.ts';
import { artifactMetadata } from './runner/metadata.ts';
import type { LoadedProject, ParsedProject, ProjectFiles } from './runner/parsed-project.ts';
import { lookupNode } from './runner/nodes.ts';
import type { RunContext } from './runner/context.ts';
import type { RunLog } from './runner/log.ts';
import { Secrets } from './secrets.ts';
import { toText } from './values/index.ts';
import { foundCounts } from './runner/summary.ts';
import { previousState } from './state/previous-state.ts';

export { formatError, TsdbtError } from './errors.ts';
export { Secrets } from './secrets.ts';
export type { LogEvent, Logger } from './log.ts';
export type { Manifest } from './contracts/manifest.ts';
export type { RunResult } from './contracts/results.ts';
export type { Flags, Invocation, RuntimeConfig } from './contracts/project.ts';
export { createRunContext } from './runner/context.ts';
export type { LoadedProject, ParsedProject } from './runner/parsed-project.ts';
export { run } from './runner/run.ts';

export interface LoadOptions {
  readonly projectDir?: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** dbt's name of the command; `build` when it is left out. */
  readonly command?: string | undefined;
  /** Its options under the names of dbt's flags: `{ select: ['orders+'], full_refresh: true }`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** In the place of `command` and `options`: every flag, as the command line resolves them. */
  readonly flags?: Flags | undefined;
  readonly invocation?: Invocation | undefined;
  /** Told what happens; nobody when it is left out. */
  readonly logger?: Logger | undefined;
  /** What no output may show; what is found while loading is added. */
  readonly secrets?: Secrets | undefined;
  /** Milliseconds since 1970, with a fraction. */
  readonly now?: (() => number) | undefined;
  /** Of this process: tells a run that was killed from one that is at work. */
  readonly pid?: number | undefined;
  /** Whether a process is at work; absent: none is. */
  readonly isRunning?: (pid: number) => boolean;
}

/**
 * Reads dbt_project.yml, profiles.yml, packages, variables.
 * @throws {TsdbtError} in dbt's words for whatever is wrong with them
 */
export async function load(options: LoadOptions): Promise<LoadedProject> {
  const {
    env,
    cwd,
    command = 'build',
    now = Date.now,
    logger = { fire: () => undefined },
    secrets = new Secrets(),
  } = options;
  const given = options.options ?? {};
  const folder = options.projectDir ?? (given['project_dir'] as string | undefined) ?? '.';
  const flags = options.flags ?? resolveFlags(command, given, env, readProjectSettings(resolve(cwd, folder)).flags);
  const invocation = options.invocation ?? {
    invocation_id: randomUUID(),
    started_at: new Date(now()),
    args: {},
    command: `tsdbt ${command}`,
  };
  secrets.addEnvironment(env);
  secrets.addVars(flags['vars']);
  const templates = createTemplateEnvironments();
  const render = createFileRenderer(
    { env, logger, flags: null, invocation, loadYaml: (text) => loadYaml(text, null, { dates: true }), clock: now },
    templates,
  );
  const config = await loadRuntimeConfig({
    projectDir: options.projectDir ?? (flags['project_dir'] as string | undefined),
    profilesDir: flags['profiles_dir'] as string | undefined,
    profile: flags['profile'] as string | undefined,
    target: flags['target'] as string | undefined,
    vars: flags['vars'] as { [name: string]: Json } | undefined,
    flags,
    env,
    cwd,
    invocation,
    render,
    logger,
  });
  const { project } = config;
  secrets.addProfile(config.profile.credentials);
  parseSelectorDefinitions(project.selectors, flags.indirect_selection);
  const adapter = await openAdapter(config, env, logger);
  const targetPath = resolve(project.project_root, project.target_path);
  const isRunning = options.isRunning ?? (() => false);
  const support = adapter.capabilities.constraintSupport;
  const enforcedConstraints = new Set(
    Object.entries(support).flatMap(([type, level]) => (level === 'enforced' ? [type] : [])),
  );
  const stateIn = (folder: unknown): PreviousState | undefined =>
    typeof folder === 'string' && folder !== ''
      ? previousState({
          folder,
          projectRoot: project.project_root,
          targetPath,
          dbtVersion: DBT_VERSION,
          isRunning,
          enforcedConstraints,
          now: now(),
          flags,
        })
      : undefined;
  const state = stateIn(flags['state']);
  return {
    config,
    adapter,
    templates,
    secrets,
    files: projectFiles(config, secrets),
    loadYaml: (text) => loadYaml(text, null, { dates: true }),
    logger,
    now,
    pid: options.pid ?? process.pid,
    isRunning,
    targetPath,
    previousState: state,
    deferState: stateIn(flags['defer_state']) ?? state,
  };
}

/** The adapter of the project's target. Opens no connection. */
export function openAdapter(
  { project, profile, flags }: RuntimeConfig,
  env: LoadOptions['env'],
  logger: Logger,
): Promise<Adapter> {
  const notify = (msg: string): void => logger.fire({ name: 'Note', code: 'Z050', level: 'info', msg, data: { msg } });
  return createAdapter(profile, {
    quoting: project.quoting,
    threads: flags.threads ?? profile.threads,
    projectDir: project.project_root,
    env,
    notify,
  });
}

/**
 * Parses every file of the project and writes manifest.json.
 * @throws {TsdbtError} the first thing that is wrong, with file and line
 */
export function parse(
  loaded: LoadedProject,
  options: { write?: boolean; files?: readonly SourceFile[] } = {},
): ParsedProject {
  const { config, adapter, logger, secrets, targetPath } = loaded;
  const kept = config.flags.partial_parse
    ? readParseCache(targetPath, config.flags['partial_parse_file_path'] as string | null | undefined)
    : null;
  const previous = typeof kept === 'object' ? kept : null;
  if (typeof kept === 'string') {
    const reason = `saved manifest ${kept === 'missing' ? 'not found' : 'cannot be read'}. Starting full parse.`;
    logger.fire({
      name: 'UnableToPartialParse',
      code: 'I024',
      level: 'info',
      msg: `Unable to do partial parsing because ${reason}`,
      data: { reason },
    });
  }
  const files = options.files ?? readSourceFiles(config);
  const grouped = config.flags['enable_grouped_warn_error_parser_logs'] === true ? groupWarnings(logger) : null;
  const result = parseWithCache({
    config,
    files,
    adapter,
    logger: grouped ?? logger,
    previous,
    engine: engineStamp(),
    builtinMacros: readBuiltinMacros,
  });
  const graph = (): Dag => buildGraph(result.manifest, { testEdges: config.flags.which === 'build' });
  // A project with a cycle is refused, and not remembered as parsed.
  let dag: Dag | undefined = result.reused ? undefined : graph();
  if (options.write !== false && config.flags.write_json) {
    writeParsedManifest(
      targetPath,
      result.metadata,
      result.cache.body,
      result.reused && hasSemanticManifest(targetPath) ? null : () => result.manifest,
      secrets,
    );
  }
  grouped?.release();
  if (result.fresh) writeParseCache(targetPath, result.cache, secrets);
  return {
    ...loaded,
    origin: result.cache.header,
    get manifest() {
      return result.manifest;
    },
    get dag() {
      return (dag ??= graph());
    },
  };
}

/** Whether a project as it is loaded now would be parsed to what an earlier parse gave. */
export function isSameProject(parsed: ParsedProject, { config, adapter, logger }: LoadedProject): boolean {
  return isUnchanged(parsed.origin, { config, files: readSourceFiles(config), adapter, logger, engine: engineStamp() });
}

/** What a command works on, by `--select`, `--exclude`, `--selector` and the types of resources that are its own. */
export function select(
  parsed: ParsedProject,
  options: { which?: string; accepts?: (id: string) => boolean } = {},
): Selection {
  const {
    config: { flags, project },
    manifest,
    dag,
    previousState: previous,
  } = parsed;
  const indirect = flags.indirect_selection as IndirectSelection;
  const which = options.which ?? flags.which;
  return selectNodes(manifest, dag, {
    select: flags['select'] as string[] | undefined,
    exclude: flags['exclude'] as string[] | undefined,
    selector: flags['selector'] as string | undefined,
    definitions: parseSelectorDefinitions(project.selectors, indirect),
    indirectSelection: indirect,
    accepts: options.accepts,
    previousState: previous,
    resourceTypes: resourceTypesFor(which, {
      include: flags['resource_types'] as string[] | undefined,
      exclude: flags['exclude_resource_types'] as string[] | undefined,
      inline: Boolean(flags['inline']),
    }),
  });
}

/** Writes manifest.json with what was compiled, and run_results.json. */
export function write(parsed: ParsedProject, ctx: RunContext, results: readonly RunResult[], elapsed: number): void {
  const { config, secrets, targetPath, now } = parsed;
  if (!config.flags.write_json) return;
  writeManifest(targetPath, ctx.manifest, secrets);
  ctx.log.artifactWritten('WritableManifest', join(targetPath, 'manifest.json'));
  const { sample } = ctx.scopes;
  const args =
    sample === null
      ? config.invocation.args
      : {
          ...config.invocation.args,
          sample: { start: toText(sample.start).replace(' ', 'T'), end: toText(sample.end).replace(' ', 'T') },
        };
  writeRunResults(
    targetPath,
    { metadata: artifactMetadata(config, 'run-results', 6, now()), results: [...results], elapsed_time: elapsed, args },
    secrets,
  );
  // Only now is the journal of no more use.
  ctx.journal?.end(new Date(now()).toISOString(), elapsed);
  ctx.log.artifactWritten('RunExecutionResult', join(targetPath, 'run_results.json'));
}

/** `Found 20 models, 5 seeds, …`: says what the project holds. */
export function reportCounts(parsed: ParsedProject, log: RunLog): void {
  const { manifest } = parsed;
  const counts = new Map<string, number>();
  for (const node of Object.values(manifest.nodes))
    if (node.resource_type !== 'test' || node.config.enabled)
      counts.set(node.resource_type, (counts.get(node.resource_type) ?? 0) + 1);
  const groups = [
    ['source', 'sources'],
    ['exposure', 'exposures'],
    ['metric', 'metrics'],
    ['macro', 'macros'],
    ['group', 'groups'],
    ['semantic_model', 'semantic_models'],
    ['saved_query', 'saved_queries'],
    ['unit_test', 'unit_tests'],
  ] as const;
  for (const [word, key] of groups) counts.set(word, Object.keys(manifest[key]).length);
  log.foundStats(foundCounts(counts));
}

/** Writes graph_summary.json: the edges of the project, small. */
export function writeSummary(parsed: ParsedProject): void {
  const { dag, manifest, config, targetPath } = parsed;
  const nodes = dag.nodes.map((id) => ({
    name: id,
    type: lookupNode(manifest, id)?.resource_type ?? '',
    successors: dag.children(id),
  }));
  writeGraphSummary(
    targetPath,
    config.invocation.invocation_id,
    nodes,
    config.flags.which === 'build' ? nodes : null,
    parsed.secrets,
  );
}

/** The project's files for the layers below; each is read once. */
function projectFiles(config: RuntimeConfig, secrets: Secrets): ProjectFiles {
  const texts = new Map<string, string | null>();
  return {
    read(path, packageName) {
      const key = `${packageName ?? ''}:${path}`;
      const known = texts.get(key);
      if (known !== undefined) return known;
      const packages =
        packageName === undefined ? config.packages : config.packages.filter((p) => p.project_name === packageName);
      const found = packages.map((p) => join(p.project_root, path)).find((file) => existsSync(file));
      const text = found === undefined ? null : readFileText(found).replaceAll('\r\n', '\n');
      texts.set(key, text);
      return text;
    },
    write: (path, text) =>
      writeIfChanged(isAbsolute(path) ? path : join(config.project.project_root, path), secrets.maskFile(text)),
    mark(path) {
      const file = statSync(isAbsolute(path) ? path : join(config.project.project_root, path), {
        throwIfNoEntry: false,
      });
      return file === undefined ? null : `${file.mtimeMs} ${file.size}`;
    },
  };
}
