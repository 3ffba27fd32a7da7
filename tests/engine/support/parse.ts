// Parses a project given as texts, without a disk or a database, for tests of the parser. The built-in macros are the
// real ones.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdapter } from '../../../src/adapters/index.ts';
import type { Manifest } from '../../../src/contracts/manifest.ts';
import type { Json } from '../../../src/contracts/node.ts';
import type {
  ConfigSection,
  Flags,
  Profile,
  Project,
  RuntimeConfig,
  SourceFile,
} from '../../../src/contracts/project.ts';
import type { LogEvent } from '../../../src/log.ts';
import { type ParseInput, parseProject } from '../../../src/parser/build-manifest.ts';
import { type MacroFacts, parseMacroFiles } from '../../../src/parser/read/macros.ts';
import { resolveFlags } from '../../../src/project/flags.ts';

const include = join(dirname(fileURLToPath(import.meta.url)), '../../../src/include');
const SECTIONS: readonly ConfigSection[] = [
  'models',
  'seeds',
  'snapshots',
  'sources',
  'tests',
  'unit_tests',
  'exposures',
  'metrics',
  'semantic_models',
  'saved_queries',
  'functions',
  'analyses',
  'groups',
  'macros',
];

export interface ParseOptions {
  readonly project?: Partial<Omit<Project, 'configs'>> & { readonly configs?: Partial<Record<ConfigSection, Json>> };
  readonly flags?: { readonly [name: string]: Json };
  readonly env?: Readonly<Record<string, string>>;
  readonly vars?: { readonly [name: string]: Json };
  readonly startedAt?: Date;
  readonly mtime?: number;
  /** `invocation_args_dict`. */
  readonly args?: { readonly [name: string]: Json };
  readonly threads?: number;
}

/** The kind of a file, derived from its folder under dbt's default paths. */
function kindOf(path: string): SourceFile['kind'] {
  if (/\.ya?ml$/.test(path)) return 'properties';
  if (path.endsWith('.md')) return 'docs';
  if (path.endsWith('.csv') && path.startsWith('seeds/')) return 'seed';
  if (path.startsWith('tests/generic/')) return 'generic_test';
  if (path.startsWith('tests/fixtures/')) return 'fixture';
  const kinds: Readonly<Record<string, SourceFile['kind']>> = {
    models: 'model',
    macros: 'macro',
    tests: 'singular_test',
    snapshots: 'snapshot',
    analyses: 'analysis',
    functions: 'function',
  };
  return kinds[path.split('/')[0] as string] ?? 'model';
}

export function sourceFile(path: string, text: string, mtime = 0, packageName = 'p'): SourceFile {
  const slash =
    path.startsWith('tests/generic/') || path.startsWith('tests/fixtures/') ? path.indexOf('/', 6) : path.indexOf('/');
  const kind = kindOf(path);
  return {
    package_name: packageName,
    project_root: `/${packageName}`,
    search_path: path.slice(0, slash),
    relative_path: path.slice(slash + 1),
    original_file_path: path,
    kind,
    contents: kind === 'seed' ? '' : text.trim(),
    seedText: text,
    mtime_ms: mtime,
    checksum: { name: 'sha256', checksum: createHash('sha256').update(text).digest('hex') },
  };
}

export function newProject(name: string, more: ParseOptions['project'] = {}): Project {
  const configs = Object.fromEntries(SECTIONS.map((section) => [section, more.configs?.[section] ?? {}])) as Record<
    ConfigSection,
    Json
  >;
  return {
    project_name: name,
    version: '1.0',
    project_root: `/${name}`,
    profile_name: 'test',
    model_paths: ['models'],
    macro_paths: ['macros'],
    seed_paths: ['seeds'],
    test_paths: ['tests'],
    analysis_paths: ['analyses'],
    snapshot_paths: ['snapshots'],
    docs_paths: ['models'],
    asset_paths: [],
    function_paths: ['functions'],
    osi_paths: ['osi'],
    target_path: 'target',
    log_path: 'logs',
    clean_targets: ['target'],
    packages_install_path: 'dbt_packages',
    quoting: { database: true, schema: true, identifier: true },
    vars: {},
    dispatch: [],
    on_run_start: [],
    on_run_end: [],
    query_comment: null,
    require_dbt_version: [],
    restrict_access: false,
    packages: [],
    selectors: null,
    flags: {},
    raw: {},
    ...more,
    configs,
    unrendered_configs: configs,
  };
}

let builtin: readonly MacroFacts[] | undefined;

/** Facts of the built-in macros, read once per test file. */
export function builtinMacros(): readonly MacroFacts[] {
  builtin ??= [
    ['global', 'dbt'],
    ['postgres', 'dbt_postgres'],
  ].flatMap(([folder, packageName]) => {
    const root = join(include, folder as string);
    const paths = (readdirSync(root, { recursive: true }) as string[])
      .filter((path) => /^(macros|tests\/generic)\/.*\.sql$/.test(path))
      .sort();
    return parseMacroFiles(
      paths.map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8'), 0, packageName)),
    );
  });
  return builtin;
}

export async function parseInput(
  files: Readonly<Record<string, string>>,
  options: ParseOptions = {},
): Promise<ParseInput & { warnings: LogEvent[] }> {
  const warnings: LogEvent[] = [];
  const project = newProject('p', options.project);
  const profile: Profile = {
    profile_name: 'test',
    target_name: 'dev',
    threads: options.threads ?? 1,
    profiles_dir: null,
    credentials: {
      type: 'postgres',
      database: 'db',
      schema: 'sch',
      host: 'localhost',
      user: 'u',
      password: 'p',
      port: 5432,
    },
  };
  const config: RuntimeConfig = {
    project,
    profile,
    packages: [project, newProject('dbt_postgres'), newProject('dbt')],
    cli_vars: options.vars ?? {},
    flags: { ...resolveFlags('parse', {}, {}, null), ...options.flags } as Flags,
    env: options.env ?? {},
    invocation: {
      invocation_id: 'test',
      started_at: options.startedAt ?? new Date('2026-01-02T03:04:05Z'),
      args: options.args ?? {},
      command: 'parse',
    },
  };
  const adapter = await createAdapter(profile, { quoting: project.quoting, projectDir: '/p' });
  return {
    config,
    adapter,
    warnings,
    builtinMacros,
    files: Object.entries(files).map(([path, text]) => sourceFile(path, text, options.mtime)),
    logger: {
      fire: (event) => {
        if (event.level === 'warn') warnings.push(event);
      },
    },
  };
}

/** The manifest of a project `p` with these files, and the warnings of parsing. */
export async function parseFiles(
  files: Readonly<Record<string, string>>,
  options: ParseOptions = {},
): Promise<{ manifest: Manifest; warnings: string[] }> {
  const input = await parseInput(files, options);
  const { manifest } = parseProject(input);
  return { manifest, warnings: input.warnings.map((event) => event.msg) };
}
