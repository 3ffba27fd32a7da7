// Decides whether an earlier parse is still valid: the same program, configuration, environment variables and files
// give the same manifest. Edits that only change text are applied to it. Pure; pipeline/ stores the file and
// text-edits.ts defines such edits.
import { fire } from '../events/index.ts';
import { createHash } from 'node:crypto';
import { DEFAULT_ENV_PLACEHOLDER } from '../context/env-var.ts';
import type { Manifest, ManifestMetadata } from '../contracts/manifest.ts';
import type { RuntimeConfig, SourceFile } from '../contracts/project.ts';
import { commandPart } from '../context/flags-object.ts';
import type { LogEvent } from '../log.ts';
import { type ParseInput, type ParseOutput, parseProject } from './build-manifest.ts';
import { keepManifest, type KeptBytes, KeptManifest, textOf } from './kept-manifest.ts';
import { manifestMetadata } from './table/metadata.ts';
import { commandsOfSameHooks, NAME_OF_COMMAND, readBySameHooks } from './same-hooks.ts';
import { editedNodes, nodeId } from './shortcuts/text-edits.ts';

/** The inputs of an earlier parse. Plain JSON. */
export interface ParseCacheHeader {
  /** Program and configuration. */
  readonly key: string;
  /** Part of the command that the parse depends on, see `commandPart` → hash of its value. */
  readonly command: Readonly<Record<string, string>>;
  /** The same for on-run hooks: one entry per set of values that produced these hooks. */
  readonly hooks: readonly Readonly<Record<string, string>>[];
  /** Hashes of the parts that dbt names when its cache is invalid. */
  readonly parts?: Readonly<Record<string, string>>;
  /** Name → hash of the value, or null if the variable was not set. */
  readonly env_vars: Readonly<Record<string, string | null>>;
  /** File → modification time, and hash of the text. dbt's checksum cannot be used: it ignores white space. */
  readonly files: Readonly<Record<string, readonly [mtime: number, hash: string]>>;
  /** When the parse began, in milliseconds since 1970. */
  readonly started_at: number;
  /** Warnings that every command repeats, even if nothing is parsed. */
  readonly warnings: readonly LogEvent[];
  /** Nodes whose text a template or a unit test read: see ParseOutput. */
  readonly readers: readonly string[];
}

export interface ParseCache extends KeptBytes {
  readonly header: ParseCacheHeader;
  /** JSON: the text of each properties file, in UTF-8. */
  readonly yaml: Uint8Array;
}

export interface CachedParseInput extends ParseInput {
  /** Cached parses of earlier commands, read lazily. The parse that most commands share comes first. */
  readonly previous: Iterable<ParseCache>;
  /** Changes whenever the program changes. */
  readonly engine: string;
}

export interface CachedParseOutput extends ParseOutput {
  readonly cache: ParseCache;
  /** The manifest as the cache keeps it. */
  readonly kept: KeptManifest;
  /** The earlier parse that this one replaces; null if it is stored in addition to those of other commands. */
  readonly replaces: ParseCache | null;
  /** No cached parse can be reused. */
  readonly alone: boolean;
  /** Metadata of the manifest, available before the manifest is read. */
  readonly metadata: ManifestMetadata;
  /** Whether the manifest equals the earlier one except for texts: its graph is then known to be acyclic. */
  readonly reused: boolean;
  /** Number of files that were read again. */
  readonly parsedFiles: number;
  /** Whether the cache gained content. */
  readonly fresh: boolean;
}

/** dbt repeats these warnings even if it parses nothing. */
const REPEATED: ReadonlySet<string> = new Set([
  'DeprecatedModel',
  'DeprecatedReference',
  'UpcomingReferenceDeprecation',
  'UnusedResourceConfigPath',
  'SpacesInResourceNameDeprecation',
  'ResourceNamesWithSpacesDeprecation',
  'DuplicateNameDistinctNodeTypesDeprecation',
  'MicrobatchModelNoEventTimeInputs',
  'InvalidConcurrentBatchesConfig',
  'MicrobatchMacroOutsideOfBatchesDeprecation',
]);
/** Settings of a project that a parse does not depend on: where and how a command writes its output. */
const PLACES: ReadonlySet<string> = new Set(['target_path', 'log_path', 'clean_targets']);
/** Flags that affect a parse even if no template reads them. */
const PARSE_FLAGS: readonly string[] = ['store_failures', 'warn_error', 'warn_error_options', 'static_parser'];
const BEHAVIOR_FLAG = /^(?:require_|support_|validate_|state_modified|latest_version|enable_truthy|postgres_skip)/;
/** Macros that every node depends on. dbt parses everything again if a project's override of one changes. */
const OVERRIDE_MACROS: readonly string[] = [
  'ref',
  'source',
  'config',
  'generate_schema_name',
  'generate_database_name',
  'generate_alias_name',
  'function',
];
const OVERRIDE_MACRO = new RegExp(`\\{%[-+]?\\s*macro\\s+(?:${OVERRIDE_MACROS.join('|')})\\s*\\(`);
/** Maximum number of stored value sets of hooks. Commands with equal values share one. */
const MOST_HOOKS = 16;
/** A file that changed less than this before a parse may change again without a new modification time. */
const CLOCK_GRAIN_MS = 2000;

/**
 * Parses, or reuses the earlier manifest if none of its inputs changed.
 * @throws TsdbtError like `parseProject`
 */
export function parseWithCache(input: CachedParseInput): CachedParseOutput {
  const { config, files, logger } = input;
  const key = keyOf(input);
  let first: ParseCache | null = null;
  let replaces: ParseCache | null = null;
  for (const previous of input.previous) {
    first ??= previous;
    if (previous.header.key !== key) break;
    if (!isOfCommand(previous.header, config)) continue;
    const kept = refreshed(previous, input, key);
    if (kept === null) {
      replaces = previous;
      break;
    }
    const asked = withHooks(kept, input);
    if (asked === null) continue;
    for (const warning of asked.header.warnings) logger.fire(warning);
    return new ReusedParse(asked, previous, input);
  }
  const parts = namedParts(input);
  if (first !== null) tellWhy(first, parts, input);
  const output = parseProject(input);
  const { metadata: _metadata, ...rest } = output.manifest;
  const { bytes, kept } = keepManifest(rest);
  const header: ParseCacheHeader = {
    key,
    command: commandOf(config, output.command),
    hooks: [partsOf(config, output.hookCommand), ...hooksOfOthers(input, output)],
    parts,
    env_vars: Object.fromEntries(
      Object.entries(output.envVars).map(([name, value]) => [
        name,
        value === DEFAULT_ENV_PLACEHOLDER ? null : hash(value),
      ]),
    ),
    files: Object.fromEntries(
      files.map((file) => [fileId(file), [file.mtime_ms, textHash(file, output.readers)] as const]),
    ),
    started_at: config.invocation.started_at.getTime(),
    warnings: output.warnings.filter((warning) => REPEATED.has(warning.name)),
    readers: output.readers,
  };
  const yaml = Object.fromEntries(
    files.filter((file) => file.kind === 'properties').map((file) => [fileId(file), file.contents]),
  );
  return {
    ...output,
    metadata: output.manifest.metadata,
    reused: false,
    parsedFiles: files.length,
    fresh: true,
    replaces,
    alone: first?.header.key !== key,
    cache: { header, yaml: Buffer.from(JSON.stringify(yaml), 'utf8'), ...bytes },
    kept,
  };
}

/** Reports, with dbt's message, why an earlier parse is invalid. */
function tellWhy(first: ParseCache, parts: Readonly<Record<string, string>>, input: CachedParseInput): void {
  const { header } = first;
  const differs = (name: string): boolean => header.parts?.[name] !== parts[name];
  const reasons = REASONS.filter(([name]) => differs(name) && !(name === 'vars_file' && differs('project')));
  const told = reasons[0]?.[0] === 'engine' ? reasons.slice(0, 1) : reasons;
  for (const [, reason] of told) fire(input.logger, 'UnableToPartialParse', { reason });
  if (told.length === 0 && overrideMacroChanged(first, input))
    fire(input.logger, 'UnableToPartialParse', { reason: 'change detected to override macro. Starting full parse.' });
}

/** Whether a macro that overrides a built-in one, such as `ref`, was added, changed or removed. */
function overrideMacroChanged(first: ParseCache, { files }: CachedParseInput): boolean {
  const kind = 'macro ';
  const known = first.header.files;
  const now = new Map(files.filter((file) => file.kind === 'macro').map((file) => [fileId(file), file]));
  const texts = [...now].filter(([id, file]) => known[id]?.[1] !== textHash(file, [])).map(([, file]) => file.contents);
  if (texts.some((text) => OVERRIDE_MACRO.test(text))) return true;
  const gone = Object.keys(known).filter((id) => id.startsWith(kind) && known[id]?.[1] !== hashOf(now.get(id)));
  if (gone.length === 0) return false;
  const { macros = {} } = new KeptManifest(first).into({}) as Partial<Manifest>;
  const paths = new Set(gone.map((id) => id.slice(kind.length)));
  return Object.values(macros).some(
    ({ name, package_name, original_file_path }) =>
      OVERRIDE_MACROS.includes(name) && paths.has(`${package_name}://${original_file_path}`),
  );
}

const hashOf = (file: SourceFile | undefined): string | undefined =>
  file === undefined ? undefined : textHash(file, []);

/** Returns the earlier parse with changed texts applied; null if the project must be parsed. */
function refreshed(previous: ParseCache, input: CachedParseInput, key: string): ParseCache | null {
  const { header } = previous;
  const changed = changedFiles(header, input, key);
  if (changed === null || changed.length === 0) return changed === null ? null : previous;
  const yaml = JSON.parse(textOf(previous.yaml)) as Record<string, string>;
  const started = input.config.invocation.started_at.getTime();
  const kept = new KeptManifest(previous);
  const edited = editedNodes({ kept, yaml, readers: header.readers }, changed, fileId, started / 1000);
  if (edited === null) return null;
  const files = { ...header.files };
  for (const file of changed) {
    files[fileId(file)] = [file.mtime_ms, textHash(file, header.readers)];
    if (file.kind === 'properties') yaml[fileId(file)] = file.contents;
  }
  return {
    ...kept.withNodes(edited),
    header: { ...header, files, started_at: started },
    yaml: changed.some((file) => file.kind === 'properties')
      ? Buffer.from(JSON.stringify(yaml), 'utf8')
      : previous.yaml,
  };
}

/** Whether a parse with this header would give the same result now. */
export function isUnchanged(header: ParseCacheHeader, input: Omit<CachedParseInput, 'previous'>): boolean {
  return (
    isOfCommand(header, input.config) &&
    isOfHooks(header, input.config) &&
    changedFiles(header, input, keyOf(input))?.length === 0
  );
}

/** Returns the files whose text changed; null if anything else changed, including the list of files. */
function changedFiles(
  header: ParseCacheHeader,
  { config, files }: Pick<CachedParseInput, 'config' | 'files'>,
  key: string,
): SourceFile[] | null {
  if (header.key !== key) return null;
  for (const name in header.env_vars) {
    const value = config.env[name];
    if (header.env_vars[name] !== (value === undefined ? null : hash(value))) return null;
  }
  if (config.flags.partial_parse_file_diff === false) return [];
  if (Object.keys(header.files).length !== files.length) return null;
  const changed: SourceFile[] = [];
  for (const file of files) {
    const known = header.files[fileId(file)];
    if (known === undefined) return null;
    const sure = known[0] === file.mtime_ms && file.mtime_ms < header.started_at - CLOCK_GRAIN_MS;
    if (!sure && known[1] !== textHash(file, header.readers)) changed.push(file);
  }
  return changed;
}

/** The manifest contains only a seed's checksum, unless a unit test uses its rows. */
function textHash(file: SourceFile, readers: readonly string[]): string {
  if (file.kind !== 'seed') return hash(file.contents);
  const id = nodeId(file);
  return id !== undefined && readers.includes(id) ? hash(file.seedText ?? '') : file.checksum.checksum;
}

/** An earlier parse that is still valid. Its manifest is decoded lazily: `parse` itself does not need it. */
class ReusedParse implements CachedParseOutput {
  readonly warnings: readonly LogEvent[];
  readonly envVars = {};
  readonly command: readonly string[] = [];
  readonly hookCommand: readonly string[] = [];
  readonly readers: readonly string[];
  readonly cache: ParseCache;
  readonly kept: KeptManifest;
  readonly replaces: ParseCache;
  readonly alone = false;
  readonly reused = true;
  readonly parsedFiles: number;
  readonly fresh: boolean;
  readonly metadata: ManifestMetadata;
  #manifest: Manifest | undefined;

  constructor(cache: ParseCache, previous: ParseCache, { config, adapter }: CachedParseInput) {
    this.cache = cache;
    this.kept = new KeptManifest(cache);
    this.replaces = previous;
    this.fresh = cache !== previous;
    this.parsedFiles = Object.keys(cache.header.files).filter(
      (file) => cache.header.files[file] !== previous.header.files[file],
    ).length;
    this.readers = cache.header.readers;
    this.warnings = cache.header.warnings;
    this.metadata = manifestMetadata(config, adapter.type);
  }

  get manifest(): Manifest {
    return (this.#manifest ??= this.kept.into({ metadata: this.metadata }));
  }
}

function fileId(file: SourceFile): string {
  return `${file.kind} ${file.package_name}://${file.original_file_path}`;
}

/** dbt's message about an unusable cache. */
const REASONS: readonly (readonly [part: string, reason: string])[] = [
  ['engine', 'another build of tsdbt wrote the cache'],
  ['vars', 'config vars, config profile, or config target have changed'],
  ['profile', 'profile has changed'],
  ['project', 'a project config has changed'],
  ['vars_file', 'config vars, config profile, or config target have changed'],
];

function namedParts({
  config: { packages, profile, cli_vars },
  adapter,
  engine,
}: CachedParseInput): Record<string, string> {
  const parts = {
    engine,
    vars: [cli_vars, profile.profile_name, profile.target_name],
    profile: adapter.connectionInfo().map(([name, value]) => [name, String(value)]),
    project: packages.map((project) => [project.project_name, project.checksum]),
    vars_file: packages.map((project) => project.vars),
  };
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, valueHash(part)]));
}

function keyOf({ config, adapter, engine }: Omit<CachedParseInput, 'previous'>): string {
  const { packages, profile, cli_vars } = config;
  return valueHash({
    engine,
    packages: packages.map((each) => Object.fromEntries(Object.entries(each).filter(([name]) => !PLACES.has(name)))),
    cli_vars,
    profile: [
      profile.profile_name,
      profile.target_name,
      adapter.connectionInfo().map(([name, value]) => [name, String(value)]),
    ],
  });
}

/** Returns the parts of the command that a parse depends on. @param read the parts that templates read */
function commandOf(config: RuntimeConfig, read: readonly string[]): Record<string, string> {
  const flags = Object.keys(config.flags).filter((name) => BEHAVIOR_FLAG.test(name) || PARSE_FLAGS.includes(name));
  const parts = new Set([...flags.map((name) => `flags.${name}`), ...read].sort());
  return Object.fromEntries([
    ['threads', valueHash(config.profile.threads)],
    ...[...parts].map((part) => [part, valueHash(commandPart(config, part))] as const),
  ]);
}

function partsOf(config: RuntimeConfig, parts: readonly string[]): Record<string, string> {
  return Object.fromEntries([...parts].sort().map((part) => [part, valueHash(commandPart(config, part))]));
}

/** Whether hooks were rendered with the same values of the command. */
function isOfHooks({ hooks }: ParseCacheHeader, config: RuntimeConfig): boolean {
  return hooks.some((parts) => {
    const now = partsOf(config, Object.keys(parts));
    return Object.keys(now).every((part) => now[part] === parts[part]);
  });
}

/** Returns an earlier parse whose hooks also fit this command; null if they differ. */
function withHooks(previous: ParseCache, input: CachedParseInput): ParseCache | null {
  const { header } = previous;
  if (isOfHooks(header, input.config)) return previous;
  const read = readBySameHooks(input, new KeptManifest(previous).into({}), header.env_vars);
  if (read === null) return null;
  const hooks = [...header.hooks, partsOf(input.config, read)].slice(-MOST_HOOKS);
  return { ...previous, header: { ...header, hooks } };
}

/** Returns the same parts for other commands with these hooks, so that their first run finds the parse valid. */
function hooksOfOthers(input: CachedParseInput, { manifest, envVars, hookCommand }: ParseOutput) {
  if (hookCommand.join() !== NAME_OF_COMMAND || !input.config.flags.partial_parse) return [];
  const { config } = input;
  return commandsOfSameHooks(input, manifest, envVars).map((which) =>
    partsOf({ ...config, flags: { ...config.flags, which } }, hookCommand),
  );
}

/** Whether this command equals that of an earlier parse in all parts that the parse read. */
function isOfCommand({ command }: ParseCacheHeader, config: RuntimeConfig): boolean {
  const now = commandOf(
    config,
    Object.keys(command).filter((part) => part !== 'threads'),
  );
  return Object.keys(now).every((part) => now[part] === command[part]);
}

/** No template can distinguish `undefined` from null. */
export function valueHash(value: unknown): string {
  return hash(JSON.stringify(value ?? null, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item)));
}

function hash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
