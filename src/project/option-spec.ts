// What an option of the command line is: spelling, variable of the environment, default, meaning. The options
// themselves are data in global-options.ts and command-options.ts.

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
  /** As typed: `--full-refresh`, `-f`. A `pair` also has `--no-…`. */
  readonly names: readonly string[];
  /** dbt's variable, `DBT_…`; the `DBT_ENGINE_…` spelling counts too and wins. */
  readonly env?: string;
  readonly default?: string | number | boolean | null | readonly string[];
  readonly choices?: readonly string[];
  readonly help: string;
  readonly hidden?: boolean;
  /** Of a `path`: must exist. */
  readonly exists?: boolean;
}

/** An option with two spellings, `--x` and `--no-x`. @param extra what differs from the usual */
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
