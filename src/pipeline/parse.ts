// The second stage: builds manifest and graph from the project's files, or reuses the last parse if nothing changed.
// Writes manifest.json and the parse cache; `parse` itself also writes perf_info.json.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  engineStamp,
  hasSemanticManifest,
  MANIFEST_FILES,
  readBuiltinMacros,
  writeParsedManifest,
} from '../artifacts.ts';
import { connectionsPath, writtenConnections } from '../connections/connections-file.ts';
import { SECRET_PREFIX } from '../context/env-var.ts';
import type { RuntimeConfig, SourceFile } from '../contracts/project.ts';
import { fire, note } from '../events/index.ts';
import { buildGraph, type Dag } from '../graph/dag.ts';
import type { NodeFacts } from '../graph/node-facts.ts';
import { groupWarnings } from '../parser/table/grouped-warnings.ts';
import { ParseCaches } from './parse-caches.ts';
import {
  type CachedParseOutput,
  isUnchanged,
  type ParseCache,
  parseWithCache,
  valueHash,
} from '../parser/parse-cache.ts';
import { ParseClock } from '../parser/table/parse-clock.ts';
import { checkCatalogs } from '../project/catalogs.ts';
import { readSourceFiles } from '../project/files.ts';
import { MOST_DATA, readFileBytes, readFileText } from '../project/read-file.ts';
import { createYamlRenderer } from '../project/yaml-renderer.ts';
import { DBT_VERSION } from '../project/versions.ts';
import { checkReceivers } from '../publish/check-targets.ts';
import { checkQueryComment } from '../runner/context.ts';
import type { LoadedProject, ParsedProject } from '../runner/parsed-project.ts';
import { fromJson, toText } from '../values/index.ts';
import { writePerformance } from './performance.ts';

/**
 * Parses every file of the project and writes manifest.json.
 * @throws {TsdbtError} the first error, with file and line
 */
export function parse(
  loaded: LoadedProject,
  options: { write?: boolean; files?: readonly SourceFile[] } = {},
): ParsedProject {
  const { config, adapter, logger, secrets, seal, targetPath, templates, now } = loaded;
  checkCatalogs(config, () => createYamlRenderer({ ...config, logger, now }, templates), logger);
  const caches =
    config.flags.partial_parse && seal !== null
      ? new ParseCaches(targetPath, seal, config.flags.partial_parse_file_path, (reason) =>
          fire(logger, 'UnableToPartialParse', { reason: `saved manifest ${reason}. Starting full parse.` }),
        )
      : null;
  logVars(loaded);
  if (!config.flags.partial_parse) fire(logger, 'PartialParsingNotEnabled', {});
  const began = loaded.now();
  const files = options.files ?? readSourceFiles(config);
  const reading = loaded.now() - began;
  const clock = new ParseClock(loaded.now);
  const grouped = config.flags['enable_grouped_warn_error_parser_logs'] === true ? groupWarnings(logger) : null;
  const result = parseWithCache({
    config,
    files,
    adapter,
    logger: grouped ?? logger,
    previous: caches?.read() ?? [],
    engine: engineStamp(),
    builtinMacros: readBuiltinMacros,
    clock,
  });
  if (result.reused && !result.fresh) note(logger, 'Nothing changed, skipping partial parsing.', { level: 'debug' });
  const parsed = checkedProject(loaded, result);
  if (options.write !== false && config.flags.write_json) {
    writeParsedManifest(
      targetPath,
      result.metadata,
      result.cache.body,
      result.kept,
      result.reused && hasSemanticManifest(targetPath) ? null : () => result.manifest,
      secrets,
    );
    for (const [type, file] of MANIFEST_FILES)
      fire(logger, 'ArtifactWritten', { artifact_type: type, artifact_path: join(targetPath, file) });
  }
  grouped?.release();
  if (options.write !== false && config.flags.which === 'parse') {
    const all = (loaded.now() - began) / 1000;
    writePerformance(loaded, { files: files.length, parsed: result.parsedFiles, reading: reading / 1000, all, clock });
  }
  if (result.fresh && seal !== null) {
    const refused = (caches ?? new ParseCaches(targetPath, seal)).write(result, secrets);
    if (refused !== null) note(logger, `The parse is not kept for the next command. ${refused}`, { level: 'warn' });
  }
  return parsed;
}

/** A project with the parse cache that the next parse of its files can use. */
export interface CachedProject {
  readonly parsed: ParsedProject;
  readonly cache: ParseCache;
}

/**
 * Parses files that may differ from those on disk, as an editor has them. Reads and writes nothing in the target
 * folder.
 * @param previous the cache of an earlier call, or of a command
 * @throws {TsdbtError} the first error, with file and line
 */
export function parseFiles(
  loaded: LoadedProject,
  files: readonly SourceFile[],
  previous: Iterable<ParseCache>,
): CachedProject {
  const { config, adapter, logger } = loaded;
  const engine = engineStamp();
  const result = parseWithCache({ config, files, adapter, logger, previous, engine, builtinMacros: readBuiltinMacros });
  return { parsed: checkedProject(loaded, result), cache: result.cache };
}

/** The caches of earlier commands in the target folder. */
export function keptParses({ config, seal, targetPath }: LoadedProject): Iterable<ParseCache> {
  return seal === null || !config.flags.partial_parse ? [] : new ParseCaches(targetPath, seal).read();
}

/** Checks what is outside of the manifest, and builds the graph. */
function checkedProject(loaded: LoadedProject, result: CachedParseOutput): ParsedProject {
  const { config } = loaded;
  checkQueryComment(loaded, () => result.manifest);
  const { publications } = result.manifest;
  if (publications !== undefined) checkReceivers(Object.values(publications), writtenConnections(config));
  let known: NodeFacts | undefined;
  const facts = (): NodeFacts => (known ??= result.kept.facts(result.manifest.nodes));
  const graph = (): Dag =>
    buildGraph(result.manifest, {
      testEdges: config.flags.which === 'build',
      facts: facts(),
      checked: result.reused,
    });
  // A project with a cycle fails before the cache is written, so that the next command reports it again.
  let dag: Dag | undefined = result.reused ? undefined : graph();
  return {
    ...loaded,
    origin: result.cache.header,
    kept: result.kept,
    get manifest() {
      return result.manifest;
    },
    get facts() {
      return facts();
    },
    get dag() {
      return (dag ??= graph());
    },
  };
}

/** Logs, as dbt does, the variables and names that a parse depends on. */
function logVars({ config, secrets, logger }: LoadedProject): void {
  const { cli_vars, profile } = config;
  const { vars } = secrets.maskArguments({ vars: cli_vars });
  fire(logger, 'StateCheckVarsHash', {
    checksum: valueHash([vars, profile.profile_name, profile.target_name, DBT_VERSION]),
    vars: toText(fromJson(vars)),
    profile: profile.profile_name,
    target: profile.target_name,
    version: DBT_VERSION,
  });
}

/** Whether parsing the project as loaded now would give the same result as an earlier parse. */
export function isSameProject(parsed: ParsedProject, { config, adapter, logger }: LoadedProject): boolean {
  return isUnchanged(parsed.origin, { config, files: readSourceFiles(config), adapter, logger, engine: engineStamp() });
}

/**
 * Returns a hash of everything that the project's nodes depend on: the texts of the project including large seeds and
 * connections.yml, variables, the environment and the target. Runs with the same hash produce the same from the same
 * inputs.
 * @param more other inputs of the runs
 * @throws {TsdbtError} if a large seed or connections.yml cannot be read
 */
export function madeOf(parsed: ParsedProject, more: unknown): string {
  const { origin, config, adapter } = parsed;
  const { profile, cli_vars } = config;
  const target = adapter.connectionInfo().map(([name, value]) => [name, String(value)]);
  const place = [profile.profile_name, profile.target_name, target];
  const beside = [largeSeeds(parsed), connectionsText(config)];
  return valueHash([projectHash(parsed), origin.env_vars, cli_vars, place, beside, more]).slice(0, 32);
}

/** With `--reuse`: a hash of everything that nodes depend on, except data; otherwise undefined. */
export function reuseKeyOf(parsed: ParsedProject): string | undefined {
  const { flags } = parsed.config;
  if (flags['reuse'] !== true) return undefined;
  const options = ['empty', 'sample', 'event_time_start', 'event_time_end', 'inject_ephemeral_ctes'];
  return madeOf(parsed, [engineStamp(), options.map((name) => JSON.stringify(flags[name] ?? null))]);
}

/** Hashes of seeds that are so large that the parse contains only their paths. */
function largeSeeds({ manifest }: ParsedProject): string[] {
  return Object.values(manifest.nodes).flatMap((node) => {
    if (node.resource_type !== 'seed' || node.checksum.name !== 'path') return [];
    const path = join(node.root_path ?? '', node.original_file_path);
    return [`${node.unique_id} ${createHash('sha256').update(readFileBytes(path, MOST_DATA)).digest('hex')}`];
  });
}

/**
 * The text of connections.yml with the variables that it reads, except secrets, which may rotate; null: the file does
 * not exist.
 */
function connectionsText(config: RuntimeConfig): readonly [text: string, variables: readonly unknown[]] | null {
  const path = connectionsPath(config);
  if (!existsSync(path)) return null;
  const text = readFileText(path);
  const names = [...text.matchAll(/env_var\(\s*['"](\w+)['"]/g)].map(([, name = '']) => name);
  return [text, names.filter((name) => !name.startsWith(SECRET_PREFIX)).map((name) => config.env[name] ?? null)];
}

/**
 * Returns a hash of what a project was parsed from: the texts of its files and of dbt_project.yml, independent of its
 * folder and output folders.
 */
export function projectHash({ origin, config }: ParsedProject): string {
  const texts = Object.entries(origin.files).map(([id, [, text]]) => [id, text]);
  const packages = config.packages.map((each) =>
    Object.fromEntries(Object.entries(each).filter(([name]) => !FOLDERS.has(name))),
  );
  return valueHash([texts.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)), packages]).slice(0, 12);
}

/** Settings of a project about its location and its output. */
const FOLDERS: ReadonlySet<string> = new Set(['project_root', 'target_path', 'log_path', 'clean_targets']);
