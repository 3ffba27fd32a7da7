// The type of a command line option: spelling, environment variable, default, help. global-options.ts and
// command-options.ts list the options.

export interface OptionSpec {
  /** Name of the flag, snake case. */
  readonly name: string;
  readonly kind:
    | 'switch'
    | 'pair'
    | 'text'
    | 'integer'
    | 'choice'
    | 'list'
    | 'yaml'
    | 'path'
    | 'datetime'
    | 'package'
    | 'sample';
  /** As typed: `--full-refresh`, `-f`. A `pair` also accepts `--no-…`. */
  readonly names: readonly string[];
  /** dbt's variable, `DBT_…`; the `DBT_ENGINE_…` spelling is accepted too and takes precedence. */
  readonly env?: string;
  readonly default?: string | number | boolean | null | readonly string[];
  readonly choices?: readonly string[];
  readonly help: string;
  readonly hidden?: boolean;
  /** For `yaml`: the only keys allowed, each with a whole number or no value. */
  readonly limits?: readonly string[];
  /** For a `path`: whether it must exist. */
  readonly exists?: boolean;
}

/** An option with two spellings, `--x` and `--no-x`. @param extra overrides of the defaults */
export function pair(
  name: string,
  env: string | undefined,
  help: string,
  fallback: boolean | null,
  extra: Partial<OptionSpec> = {},
): OptionSpec {
  const long = `--${name.replaceAll('_', '-')}`;
  return {
    name,
    kind: 'pair',
    names: [long],
    ...(env === undefined ? {} : { env }),
    default: fallback,
    help,
    ...extra,
  };
}

/** A switch that is off by default. */
export function toggle(name: string, help: string): OptionSpec {
  return { name, kind: 'switch', names: [`--${name.replaceAll('_', '-')}`], default: false, help };
}

/** The option `--output` with a default and other formats. */
export function outputFormat(format: string, ...others: string[]): OptionSpec {
  return {
    name: 'output',
    kind: 'choice',
    names: ['--output', '-o'],
    choices: [format, ...others],
    default: format,
    help: 'Output format.',
  };
}
