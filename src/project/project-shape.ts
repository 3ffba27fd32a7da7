// What dbt accepts in dbt_project.yml: the keys, their types and the names that a project must not have.
import { optional, optionalText, optionalTexts, type Shape } from './schema-check.ts';

const tree: Shape = { type: 'object' };
const flag = optional({ type: 'boolean' });
const PLAIN_VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)(\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?)?$/;

/** Top level of dbt_project.yml; any other key is refused. */
export const PROJECT_SHAPE: Shape = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: /^[^\d\W]\w*$/u },
    'config-version': optional({ type: 'integer' }),
    version: optional({ type: 'string', pattern: PLAIN_VERSION }, { type: 'number' }),
    'project-root': optionalText,
    'source-paths': optionalTexts,
    'model-paths': optionalTexts,
    'macro-paths': optionalTexts,
    'data-paths': optionalTexts,
    'seed-paths': optionalTexts,
    'test-paths': optionalTexts,
    'analysis-paths': optionalTexts,
    'docs-paths': optionalTexts,
    'asset-paths': optionalTexts,
    'function-paths': optionalTexts,
    'osi-paths': optionalTexts,
    'target-path': optionalText,
    'snapshot-paths': optionalTexts,
    'clean-targets': optionalTexts,
    profile: optionalText,
    'log-path': optionalText,
    'packages-install-path': optionalText,
    quoting: optional({ type: 'object', properties: { schema: flag, database: flag, project: flag, identifier: flag, snowflake_ignore_case: flag }, additional: false }),
    'on-run-start': optionalTexts,
    'on-run-end': optionalTexts,
    'require-dbt-version': optional({ type: 'array', items: { type: 'string' } }, { type: 'string' }),
    dispatch: { type: 'array', items: tree },
    models: tree,
    seeds: tree,
    snapshots: tree,
    analyses: tree,
    sources: tree,
    tests: tree,
    data_tests: tree,
    unit_tests: tree,
    metrics: tree,
    'semantic-models': tree,
    'saved-queries': tree,
    exposures: tree,
    functions: tree,
    vars: optional(tree),
    packages: { type: 'array' },
    'query-comment': optional(
      { type: 'object', properties: { comment: { type: 'string' }, append: { type: 'boolean' }, 'job-label': { type: 'boolean' } }, additional: false },
      { type: 'string' },
    ),
    'restrict-access': { type: 'boolean' },
    'dbt-cloud': optional(tree),
    flags: tree,
  },
  required: ['name'],
  additional: false,
};

/** Names that templates need for themselves. */
export const RESERVED_PROJECT_NAMES: ReadonlySet<string> = new Set([
  '_sql_results', 'adapter', 'api', 'column', 'config', 'context', 'database', 'env', 'env_var', 'exceptions', 'execute', 'flags', 'fromjson', 'fromyaml',
  'graph', 'invocation_id', 'load_agate_table', 'load_result', 'log', 'model', 'modules', 'post_hooks', 'pre_hooks', 'ref', 'render', 'return',
  'run_started_at', 'schema', 'source', 'sql', 'sql_now', 'store_result', 'store_raw_result', 'target', 'this', 'tojson', 'toyaml',
  'try_or_compiler_error', 'var', 'write',
]);
