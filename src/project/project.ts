// Reads, renders and checks dbt_project.yml of one package, with dbt's defaults. profile.ts reads profiles; packages.ts
// finds installed packages.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import type { Json, Quoting } from '../contracts/node.ts';
import type { ConfigSection, Project } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { deprecation, type DeprecationName } from './deprecations.ts';
import { checkProjectPaths, checkSettingsFiles } from './outside-paths.ts';
import { readPackageList } from './packages.ts';
import { PROJECT_SHAPE, RESERVED_PROJECT_NAMES } from './project-shape.ts';
import { compactWhitespace, pythonStrip } from './python-strip.ts';
import { renderFrom, renderText, renderTree, type RenderYamlText, type YamlScope } from './renderer.ts';
import { checkShape, problemText } from './schema-check.ts';
import { checkDbtVersion, parseVersionRanges } from './versions.ts';
import { asDictionary, loadYaml, loadYamlVars } from './yaml.ts';
import { pyRepr, pyStr } from '../values/python-text.ts';
import { readFileText } from './read-file.ts';

export const PROJECT_FILE = 'dbt_project.yml';

type Dictionary = { [key: string]: Json };

export interface LoadProjectOptions {
  readonly render: RenderYamlText;
  readonly scope: YamlScope;
  /** `--target-path` and `--log-path`, which override the file. */
  readonly targetPath?: string | null | undefined;
  readonly logPath?: string | null | undefined;
  /** `--no-version-check` turns it off. */
  readonly versionCheck: boolean;
  readonly logger?: Logger | undefined;
  /** Contents of vars.yml: the root project only. */
  readonly varsFile?: { readonly [name: string]: Json } | undefined;
  /** True for a package: `deps` reads its list of packages, and it may see no secret. */
  readonly dependency?: boolean;
  /** `--allow-outside-paths`: the project may read and write outside of its folder. */
  readonly allowOutside?: boolean;
}

/** Unrendered contents of the project file: enough for flags and the profile's name. */
export interface RawProject {
  readonly root: string;
  readonly path: string;
  readonly data: Dictionary;
  readonly checksum: { readonly name: string; readonly checksum: string };
}

/**
 * Reads dbt_project.yml without rendering.
 * @param hint advice when the file does not exist
 * @throws TsdbtError `project` when the file does not exist
 */
export function readRawProject(directory: string, logger?: Logger, hint?: string): RawProject {
  const root = normalize(directory).replace(/(.)\/+$/, '$1');
  const path = join(root, PROJECT_FILE);
  if (!existsSync(path)) {
    throw errorOf('noProjectFile', { path }, { hint });
  }
  const source = pythonStrip(readFileText(path));
  const checksum = {
    name: 'sha256',
    checksum: createHash('sha256').update(compactWhitespace(source), 'utf8').digest('hex'),
  };
  const data = asDictionary(
    loadYaml(source, path, {
      onDuplicateKey: (text) =>
        logger && deprecation(logger, 'DuplicateYAMLKeysDeprecation', { duplicate_description: text, file: path }),
    }),
  );
  if (data === undefined) throw errorOf('projectNoDictionary', {});
  if (data['vars'] !== undefined) data['vars'] = asDictionary(loadYamlVars(source, path))?.['vars'] ?? data['vars'];
  if (data['tests'] !== undefined && data['data_tests'] === undefined) {
    const { tests, ...rest } = data;
    return { root, path, data: { ...rest, data_tests: tests }, checksum };
  }
  return { root, path, data, checksum };
}

/** vars.yml of the root project: the dictionary under its `vars` key. */
export function readVarsFile(directory: string): { readonly [name: string]: Json } {
  const path = join(directory, 'vars.yml');
  if (!existsSync(path)) return {};
  const data = asDictionary(loadYaml(pythonStrip(readFileText(path)), path));
  return asDictionary(data?.['vars'] ?? {}) ?? {};
}

/** Renders and checks a package's dbt_project.yml. */
export function loadProject(directory: string, options: LoadProjectOptions): Project {
  if (options.allowOutside !== true) checkSettingsFiles(directory);
  const raw = readRawProject(directory, options.logger);
  const varsFile = options.varsFile ?? {};
  if (Object.keys(varsFile).length > 0 && Object.keys(asDictionary(raw.data['vars'] ?? {}) ?? {}).length > 0) {
    throw errorOf('varsTwice', {});
  }
  try {
    const project = buildProject(raw, options);
    if (options.allowOutside !== true) checkProjectPaths(project, options, options.dependency === true);
    return project;
  } catch (error) {
    if (error instanceof TsdbtError && error.kind === 'project' && error.details.path === undefined) {
      throw error.with({ footer: `Error encountered in ${raw.path}` });
    }
    throw error;
  }
}

function buildProject(raw: RawProject, options: LoadProjectOptions): Project {
  const rendered = renderTree(raw.data, options.scope, renderFrom(raw.path, options.render), {
    shouldRender: isRenderedKey,
    finish: finishValue,
  }) as Dictionary;
  const packageList = readPackageList(raw.root);
  const packages =
    packageList.fromDependenciesFile || options.dependency === true
      ? packageList.packages
      : (renderTree(
          packageList.packages as Json,
          { ...options.scope, target: null, secrets: true },
          options.render,
        ) as Json[]);
  const selectors = renderTree(readSelectors(raw.root), options.scope, options.render);

  const ranges = versionRanges(rendered, options.versionCheck);
  checkRenamedKey(rendered, 'source-paths', 'model-paths', undefined, options.logger);
  checkRenamedKey(rendered, 'data-paths', 'seed-paths', undefined, options.logger);
  checkRenamedKey(rendered, 'log-path', undefined, 'logs', options.logger);
  checkRenamedKey(rendered, 'target-path', undefined, 'target', options.logger);
  checkKeys(rendered);

  const texts = (key: string): string[] | undefined => (rendered[key] ?? undefined) as string[] | undefined;
  const modelPaths = ('model-paths' in rendered ? texts('model-paths') : texts('source-paths')) ?? ['models'];
  const seedPaths = ('seed-paths' in rendered ? texts('seed-paths') : texts('data-paths')) ?? ['seeds'];
  const macroPaths = texts('macro-paths') ?? ['macros'];
  const testPaths = texts('test-paths') ?? ['tests'];
  const analysisPaths = texts('analysis-paths') ?? ['analyses'];
  const snapshotPaths = texts('snapshot-paths') ?? ['snapshots'];
  const functionPaths = texts('function-paths') ?? ['functions'];
  const targetPath = options.targetPath ?? (rendered['target-path'] as string | null | undefined) ?? 'target';
  const varsFile = options.varsFile ?? {};
  return {
    project_name: rendered['name'] as string,
    version: versionOf(rendered['version']),
    project_root: raw.root,
    checksum: raw.checksum,
    profile_name: (rendered['profile'] as string | null | undefined) ?? null,
    model_paths: modelPaths,
    macro_paths: macroPaths,
    seed_paths: seedPaths,
    test_paths: testPaths,
    analysis_paths: analysisPaths,
    snapshot_paths: snapshotPaths,
    docs_paths:
      texts('docs-paths') ??
      eachOnce([modelPaths, seedPaths, snapshotPaths, analysisPaths, macroPaths, testPaths, functionPaths]),
    asset_paths: texts('asset-paths') ?? [],
    function_paths: functionPaths,
    osi_paths: texts('osi-paths') ?? ['osi', 'OSI'],
    target_path: targetPath,
    log_path: options.logPath ?? (rendered['log-path'] as string | null | undefined) ?? 'logs',
    clean_targets: texts('clean-targets') ?? [targetPath],
    packages_install_path: (rendered['packages-install-path'] as string | null | undefined) ?? 'dbt_packages',
    quoting: definedQuoting(rendered['quoting']),
    configs: configSections(rendered),
    // dbt looks up these two by names that are not valid in the file.
    unrendered_configs: { ...configSections(raw.data), semantic_models: {}, saved_queries: {} },
    vars: Object.keys(varsFile).length > 0 ? varsFile : (asDictionary(rendered['vars'] ?? null) ?? {}),
    dispatch: (rendered['dispatch'] ?? []) as { macro_namespace: string; search_order: string[] }[],
    on_run_start: texts('on-run-start') ?? [],
    on_run_end: texts('on-run-end') ?? [],
    query_comment: queryComment(rendered),
    require_dbt_version: ranges,
    restrict_access: rendered['restrict-access'] === true,
    packages,
    selectors,
    flags: asDictionary(rendered['flags'] ?? null) ?? {},
    raw: rendered,
  };
}

/** Folders that may contain properties files, in a fixed order, each once. */
export function sourcePaths(project: Project): string[] {
  return eachOnce([
    project.model_paths,
    project.seed_paths,
    project.snapshot_paths,
    project.analysis_paths,
    project.macro_paths,
    project.test_paths,
    project.function_paths,
  ]);
}

function eachOnce(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat().map((path) => path.replace(/(?<!\/)\/+$/, '')))];
}

/** Renders the profile name of dbt_project.yml. */
export function renderProfileName(raw: RawProject, scope: YamlScope, render: RenderYamlText): string | null {
  const name = raw.data['profile'];
  if (name === undefined || name === null) return null;
  const value = typeof name === 'string' ? renderText(name, scope, renderFrom(raw.path, render)) : name;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

const HOOKS = new Set(['pre-hook', 'post-hook', 'pre_hook', 'post_hook']);
const HOOK_SECTIONS = new Set(['seeds', 'models', 'snapshots', 'tests', 'data_tests']);

/** Whether a value is rendered now; hooks, the query comment and vars are rendered later. */
function isRenderedKey(keypath: readonly (string | number)[]): boolean {
  const first = keypath[0];
  if (typeof first !== 'string') return true;
  if (first === 'on-run-start' || first === 'on-run-end' || first === 'query-comment' || first === 'vars') return false;
  return !(
    HOOK_SECTIONS.has(first) &&
    keypath.some((part) => typeof part === 'string' && HOOKS.has(part.replace(/^[+ ]+/, '')))
  );
}

/** Normalizes null and single texts where a list or a dictionary is expected. */
function finishValue(value: Json, keypath: readonly (string | number)[]): Json {
  const [first, second] = keypath;
  if (keypath.length === 1) {
    if (first === 'on-run-start' || first === 'on-run-end') return listOf(value);
    if (first === 'models' || first === 'seeds' || first === 'snapshots') return value ?? {};
  }
  if (keypath.length === 2 && (first === 'models' || first === 'seeds' || first === 'snapshots')) {
    if (second === 'vars' || (first === 'seeds' && second === 'column_types')) return value ?? {};
    if (second === 'pre-hook' || second === 'post-hook') return listOf(value);
  }
  return value;
}

function listOf(value: Json): Json {
  return value === null ? [] : typeof value === 'string' ? [value] : value;
}

function versionRanges(rendered: Dictionary, check: boolean): string[] {
  const required = rendered['require-dbt-version'] ?? '>=0.0.0';
  const ranges =
    typeof required === 'string' || Array.isArray(required) ? parseVersionRanges(required as string | string[]) : [];
  if (check) {
    if (rendered['name'] === undefined) throw errorOf('projectWithoutName', {});
    checkDbtVersion(ranges, pyStr(rendered['name']));
  }
  return ranges;
}

const RENAMED_KEYS: Readonly<Record<string, DeprecationName>> = {
  'source-paths': 'ConfigSourcePathDeprecation',
  'data-paths': 'ConfigDataPathDeprecation',
  'log-path': 'ConfigLogPathDeprecation',
};

function checkRenamedKey(
  data: Dictionary,
  deprecated: string,
  expected: string | undefined,
  harmless: string | undefined,
  logger: Logger | undefined,
): void {
  if (data[deprecated] === undefined) return;
  if (expected !== undefined && data[expected] !== undefined) {
    throw errorOf('oldAndNewKey', { old: deprecated, new: expected });
  }
  if (data[deprecated] !== harmless && logger !== undefined) {
    const name: DeprecationName = RENAMED_KEYS[deprecated] ?? 'ConfigTargetPathDeprecation';
    deprecation(
      logger,
      name,
      expected === undefined ? { deprecated_path: deprecated } : { deprecated_path: deprecated, exp_path: expected },
    );
  }
}

function checkKeys(rendered: Dictionary): void {
  const problem = checkShape(rendered, PROJECT_SHAPE);
  if (problem !== undefined) throw errorOf('badProjectKey', { problem: problemText(problem) }, { hint: problem.hint });
  const name = rendered['name'] as string;
  if (RESERVED_PROJECT_NAMES.has(name)) throw errorOf('reservedProjectName', { name });
  for (const entry of (rendered['dispatch'] ?? []) as Dictionary[]) {
    if (entry['macro_namespace'] === undefined || !Array.isArray(entry['search_order']))
      throw errorOf('badDispatch', { entry: pyRepr(entry) });
  }
  const [tests, dataTests] = [rendered['tests'], rendered['data_tests']];
  if (hasEntries(tests) && hasEntries(dataTests)) throw errorOf('testsAndDataTests', {});
}

function hasEntries(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function versionOf(version: Json | undefined): string | null {
  if (version === undefined || version === null) return null;
  return typeof version === 'string' ? version : pyRepr(version);
}

function definedQuoting(value: Json | undefined): Quoting {
  const entries = Object.entries(asDictionary(value ?? null) ?? {}).filter(([, flag]) => flag !== null);
  return Object.fromEntries(entries);
}

const SECTION_KEYS: Readonly<Record<ConfigSection, string>> = {
  models: 'models',
  seeds: 'seeds',
  snapshots: 'snapshots',
  sources: 'sources',
  tests: 'data_tests',
  unit_tests: 'unit_tests',
  exposures: 'exposures',
  metrics: 'metrics',
  semantic_models: 'semantic-models',
  saved_queries: 'saved-queries',
  functions: 'functions',
  analyses: 'analyses',
  groups: 'groups',
  macros: 'macros',
};

function configSections(data: Dictionary): Record<ConfigSection, Json> {
  const sections = Object.entries(SECTION_KEYS).map(([section, key]) => [
    section,
    asDictionary(data[key] ?? null) ?? {},
  ]);
  return Object.fromEntries(sections) as Record<ConfigSection, Json>;
}

function queryComment(data: Dictionary): Project['query_comment'] {
  // Absent: dbt's default comment. Null or empty: no comment.
  if (!('query-comment' in data)) return { comment: DEFAULT_COMMENT, append: false, job_label: false };
  const value = data['query-comment'] ?? null;
  if (typeof value === 'string') return value === '' ? null : { comment: value, append: false, job_label: false };
  const parts = asDictionary(value);
  if (parts === undefined || Object.keys(parts).length === 0) return null;
  return {
    comment: typeof parts['comment'] === 'string' ? parts['comment'] : DEFAULT_COMMENT,
    append: parts['append'] === true,
    job_label: parts['job-label'] === true,
  };
}

/** The default query comment: the same facts as dbt's, as JSON. */
export const DEFAULT_COMMENT = [
  "{%- set facts = {'app': 'dbt', 'dbt_version': dbt_version, 'profile_name': target.get('profile_name'), " +
    "'target_name': target.get('target_name')} -%}",
  '{%- if node is none %}{% do facts.update(connection_name=connection_name) %}{% else %}{% do ' +
    'facts.update(node_id=node.unique_id) %}{% endif -%}',
  '{{ return(tojson(facts)) }}',
].join('\n');

function readSelectors(root: string): Json {
  const path = join(root, 'selectors.yml');
  return existsSync(path) ? loadYaml(pythonStrip(readFileText(path)), path) : null;
}
