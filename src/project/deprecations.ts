// Deprecations (and one warning) of reading a project, under dbt's event names and in its words. The logger fires each
// kind once.
import { eventOf, type MessageName } from '../events/index.ts';
import type { Logger } from '../log.ts';

type Facts = Readonly<Record<string, string>>;

const RENAMED_PATH = (facts: Facts): string =>
  `The \`${facts['deprecated_path']}\` config has been renamed to \`${facts['exp_path']}\`. Please update your ` +
  '`dbt_project.yml` configuration to reflect this change.';
const NO_PATH =
  (output: string, option: string, variable: string) =>
  (facts: Facts): string =>
    `The \`${facts['deprecated_path']}\` config in \`dbt_project.yml\` has been deprecated, and will no longer ` +
    `be supported in a future version of dbt-core. If you wish to write dbt ${output} to a custom directory, ` +
    `please use the ${option} CLI flag or ${variable} env var instead.`;

interface Deprecation {
  readonly text: (facts: Facts) => string;
  readonly plain?: boolean;
}

const DEPRECATIONS = {
  SelectExcludeIgnoredWithSelectorWarning: {
    plain: true,
    text: () =>
      'The --select and --exclude arguments are being ignored for node selection because --selector is provided',
  },
  PackageRedirectDeprecation: {
    text: ({ old_name, new_name }) =>
      `The \`${old_name}\` package is deprecated in favor of \`${new_name}\`. Please update your ` +
      `\`packages.yml\` configuration to use \`${new_name}\` instead.`,
  },
  PackageInstallPathDeprecation: {
    text: () =>
      'The default package install path has changed from `dbt_modules` to `dbt_packages`. Please update ' +
      '`clean-targets` in `dbt_project.yml` and check `.gitignore` as well. Or, set `packages-install-path: ' +
      "dbt_modules` if you'd like to keep the current value.",
  },
  ConfigSourcePathDeprecation: { text: RENAMED_PATH },
  ConfigDataPathDeprecation: { text: RENAMED_PATH },
  EnvironmentVariableRenamed: {
    text: ({ old_name, new_name }) =>
      `The environment variable \`${old_name}\` has been renamed as \`${new_name}\`. If \`${old_name}\` is ` +
      `currently set, its value will be used instead of \`${new_name}\`. Set \`${new_name}\` and unset ` +
      `\`${old_name}\` to avoid this deprecation warning and ensure it works properly in a future release.`,
  },
  ConfigLogPathDeprecation: { text: NO_PATH('logs', '--log-path', 'DBT_LOG_PATH') },
  ConfigTargetPathDeprecation: { text: NO_PATH('artifacts', '--target-path', 'DBT_TARGET_PATH') },
  ProjectFlagsMovedDeprecation: {
    text: () =>
      "User config should be moved from the 'config' key in profiles.yml to the 'flags' key in dbt_project.yml.",
  },
  PackageMaterializationOverrideDeprecation: {
    text: ({ package_name, materialization_name }) =>
      `Installed package '${package_name}' is overriding the built-in materialization ` +
      `'${materialization_name}'. Overrides of built-in materializations from installed packages will be ` +
      'deprecated in future versions of dbt. For more information: ' +
      'https://docs.getdbt.com/reference/global-configs/legacy-behaviors',
  },
  SourceFreshnessProjectHooksNotRun: {
    text: () =>
      'In a future version of dbt, the `source freshness` command will start running `on-run-start` and ' +
      '`on-run-end` hooks by default. For more information: ' +
      'https://docs.getdbt.com/reference/global-configs/legacy-behaviors',
  },
  DuplicateYAMLKeysDeprecation: {
    text: (facts) => `${facts['duplicate_description']} in file \`${facts['file']}\``,
  },
  CustomOutputPathInSourceFreshnessDeprecation: {
    text: ({ path }) =>
      `Custom output path usage \`--output ${path}\` usage detected in \`dbt source freshness\` command.`,
  },
  WEOIncludeExcludeDeprecation: { text: (facts) => String(facts['description']) },
  ModelParamUsageDeprecation: {
    text: () => 'Usage of `--models`, `--model`, and `-m` is deprecated in favor of `--select` or `-s`.',
  },
  EnvironmentVariableNamespaceDeprecation: {
    text: ({ env_var, reserved_prefix }) =>
      `Found custom environment variable \`${env_var}\` in the environment. The prefix \`${reserved_prefix}\` ` +
      'is reserved for dbt engine environment variables. Custom environment variables with the prefix ' +
      `\`${reserved_prefix}\` may cause collisions and runtime errors.`,
  },
} satisfies { readonly [N in MessageName]?: Deprecation };

/** dbt's event name for a deprecation. */
export type DeprecationName = keyof typeof DEPRECATIONS;

/** Fires a deprecation warning. */
export function deprecation(logger: Logger, name: DeprecationName, facts: Facts): void {
  const entry: Deprecation = DEPRECATIONS[name];
  const text = entry.text(facts);
  const msg = entry.plain ? text : `[WARNING][${name}]: Deprecated functionality\n${text}`;
  logger.fire(eventOf(name, msg, entry.plain ? { msg: text } : facts));
}
