// Types of a project before parsing: dbt_project.yml, the selected profile, flags and file texts. No code: src/project
// reads the files.
import type { Json, Quoting } from './node.ts';

/** A project file with its contents. The layers above receive this value and never read files. */
export interface SourceFile {
  /** The package that contains it. */
  readonly package_name: string;
  /** Absolute path of the package's folder. */
  readonly project_root: string;
  /** The `*-paths` entry that contains it, for example `models`. */
  readonly search_path: string;
  /** Relative to `search_path`, with `/`. */
  readonly relative_path: string;
  /** Relative to the package's folder, with `/`. Errors and artifacts refer to the file by this path. */
  readonly original_file_path: string;
  readonly kind:
    | 'model'
    | 'macro'
    | 'analysis'
    | 'snapshot'
    | 'seed'
    | 'singular_test'
    | 'generic_test'
    | 'docs'
    | 'properties'
    | 'fixture'
    | 'function';
  /** Text decoded as UTF-8, without a BOM. Empty for a seed, whose rows are read when it runs. */
  readonly contents: string;
  /** Line of the file where `contents` begins, because `contents` is trimmed. Default: 1. */
  readonly first_line?: number;
  /** Reads the text of a seed on demand: a unit test may take its rows from a seed. */
  readonly seedText?: string;
  /** sha256 (hex) of the contents, computed as in dbt for that kind of file; a `path` checksum for big seeds. */
  readonly checksum: { readonly name: string; readonly checksum: string };
  /** Milliseconds, for the parse cache. */
  readonly mtime_ms: number;
  /** Bytes, for the parse cache. */
  readonly size?: number;
}

export interface Project {
  readonly project_name: string;
  readonly version: string | null;
  /** Absolute path. */
  readonly project_root: string;
  /** Checksum of dbt_project.yml. The nodes of on-run hooks contain it. */
  readonly checksum?: { readonly name: string; readonly checksum: string };
  readonly profile_name: string | null;
  readonly model_paths: readonly string[];
  readonly macro_paths: readonly string[];
  readonly seed_paths: readonly string[];
  readonly test_paths: readonly string[];
  readonly analysis_paths: readonly string[];
  readonly snapshot_paths: readonly string[];
  readonly docs_paths: readonly string[];
  readonly asset_paths: readonly string[];
  readonly function_paths: readonly string[];
  readonly osi_paths: readonly string[];
  readonly target_path: string;
  readonly log_path: string;
  readonly clean_targets: readonly string[];
  readonly packages_install_path: string;
  readonly quoting: Quoting;
  /** The `models:` … trees of dbt_project.yml, rendered. */
  readonly configs: Readonly<Record<ConfigSection, Json>>;
  /** The same trees as written, for `unrendered_config`. */
  readonly unrendered_configs: Readonly<Record<ConfigSection, Json>>;
  readonly vars: { readonly [name: string]: Json };
  readonly dispatch: readonly { readonly macro_namespace: string; readonly search_order: readonly string[] }[];
  readonly on_run_start: readonly string[];
  readonly on_run_end: readonly string[];
  readonly query_comment: { readonly comment: string; readonly append: boolean; readonly job_label: boolean } | null;
  readonly require_dbt_version: readonly string[];
  readonly restrict_access: boolean;
  /** Entries of packages.yml / dependencies.yml, rendered. */
  readonly packages: readonly Json[];
  /** selectors.yml as written. */
  readonly selectors: Json;
  /** The `flags:` block. */
  readonly flags: { readonly [name: string]: Json };
  /** All keys of dbt_project.yml, for `project.*` lookups without a field here. */
  readonly raw: { readonly [key: string]: Json };
}

export type ConfigSection =
  | 'models'
  | 'seeds'
  | 'snapshots'
  | 'sources'
  | 'tests'
  | 'unit_tests'
  | 'exposures'
  | 'metrics'
  | 'semantic_models'
  | 'saved_queries'
  | 'functions'
  | 'analyses'
  | 'groups'
  | 'macros';

/**
 * A target of profiles.yml, with the keys of dbt-postgres. `password` is never written to a log, an artifact or a
 * template's `target`.
 */
export interface Credentials {
  readonly type: string;
  readonly database: string;
  readonly schema: string;
  readonly [key: string]: unknown;
}

export interface Profile {
  readonly profile_name: string;
  readonly target_name: string;
  readonly threads: number;
  readonly credentials: Credentials;
  /** Folder of profiles.yml; null: the built-in default profile. */
  readonly profiles_dir: string | null;
  /** The file that names the server, if it comes with a cloned repository: the shell's password is not sent to it. */
  readonly cloned_file?: string | null | undefined;
}

/**
 * Flags in dbt's precedence: command line > DBT_ENGINE_/DBT_ variable > `flags:` > default. Names are lower snake case
 * here and upper case in templates. Includes the behaviour-change flags of `flags:`.
 */
export interface Flags {
  readonly which: string;
  readonly full_refresh: boolean;
  readonly fail_fast: boolean;
  readonly threads: number | null;
  readonly empty: boolean;
  readonly store_failures: boolean;
  readonly warn_error: boolean;
  readonly warn_error_options: {
    readonly error: 'all' | readonly string[];
    readonly warn: readonly string[];
    readonly silence: readonly string[];
  };
  readonly indirect_selection: 'eager' | 'cautious' | 'buildable' | 'empty';
  readonly partial_parse: boolean;
  readonly write_json: boolean;
  readonly introspect: boolean;
  readonly cache_selected_only: boolean;
  readonly populate_cache: boolean;
  readonly log_format: 'text' | 'json' | 'debug' | 'default';
  readonly log_format_file: 'text' | 'json' | 'debug' | 'default';
  readonly log_level: string;
  readonly log_level_file: string;
  readonly log_path: string | null;
  readonly target_path: string | null;
  readonly use_colors: boolean;
  readonly quiet: boolean;
  readonly print: boolean;
  readonly debug: boolean;
  readonly printer_width: number;
  // Present only for commands that select nodes.
  readonly select?: readonly string[] | null | undefined;
  readonly exclude?: readonly string[] | null | undefined;
  readonly selector?: string | null | undefined;
  readonly resource_types?: readonly string[] | null | undefined;
  readonly exclude_resource_types?: readonly string[] | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly inline?: string | null | undefined;
  readonly project_dir?: string | null | undefined;
  readonly profiles_dir?: string | null | undefined;
  readonly profile?: string | null | undefined;
  readonly target?: string | null | undefined;
  readonly partial_parse_file_path?: string | null | undefined;
  readonly vars?: { readonly [name: string]: Json } | null | undefined;
  readonly [flag: string]: unknown;
}

/** All settings of a command that are known before parsing. */
export interface RuntimeConfig {
  readonly project: Project;
  readonly profile: Profile;
  /** Root project first, then installed packages, then the built-in ones (`dbt_postgres`, `dbt`). */
  readonly packages: readonly Project[];
  /** `--vars`. Overrides `project.vars`, which come from vars.yml if that file exists. */
  readonly cli_vars: { readonly [name: string]: Json };
  readonly flags: Flags;
  /** The environment for `env_var()`. Only names that a template requests are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly invocation: Invocation;
}

/** One command from start to finish. */
export interface Invocation {
  readonly invocation_id: string;
  readonly started_at: Date;
  /** Microseconds beyond the millisecond of `started_at`. */
  readonly started_micros?: number;
  /** dbt's `invocation_args_dict`. */
  readonly args: { readonly [name: string]: Json };
  /** The command as typed, for artifacts. */
  readonly command: string;
}
