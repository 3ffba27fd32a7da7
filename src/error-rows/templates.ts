// Errors of functions that templates call: references, config, variables, adapter methods, dispatch, dbt's exceptions.
import { type Facts, row } from './row.ts';

export const TEMPLATE_ERRORS = {
  // References.
  ephemeralInOperation: row<Facts<'model'>>(
    'T2160',
    'compilation',
    (f) => `Operations can not ref() ephemeral nodes, but ${f.model} is ephemeral`,
  ),
  referenceMissing: row<Facts<'type' | 'node' | 'path' | 'kind' | 'name' | 'where' | 'why'>>(
    'T2161',
    'compilation',
    (f) => `${f.type} '${f.node}' (${f.path}) depends on a ${f.kind} named '${f.name}' ${f.where}which ${f.why}`,
  ),
  referenceNotInferred: row<Facts<'model' | 'call'>>(
    'T2162',
    'compilation',
    (f) =>
      `dbt was unable to infer all dependencies for the model "${f.model}".\nThis typically happens when ref() is ` +
      'placed within a conditional block.\n\n' +
      `To fix this, add the following hint to the top of the model "${f.model}":\n\n-- depends_on: {{ ${f.call} }}`,
  ),
  referenceAmbiguous: row<Facts<'name' | 'nodes' | 'packages'>>(
    'T2163',
    'compilation',
    (f) =>
      `When referencing '${f.name}', dbt found nodes in multiple packages: '${f.nodes}'\n` +
      `To fix this, use two-argument 'ref', with the package name first: '${f.packages}'`,
  ),
  metricMissing: row<Facts<'metric'>>(
    'T2164',
    'compilation',
    (f) => `Metric '${f.metric}' was not found or is disabled`,
  ),
  tooManyNames: row<Facts<'function' | 'given'>>(
    'T2165',
    'compilation',
    (f) => `${f.function}() takes at most two arguments (${f.given} given)`,
  ),
  sourceWithoutTwoNames: row<Facts<'given'>>(
    'T2166',
    'compilation',
    (f) => `source() takes exactly two arguments (${f.given} given)`,
  ),
  badNameType: row<Facts<'message' | 'type'>>('T2167', 'compilation', (f) => `${f.message} <class '${f.type}'>`),
  referenceNotAllowed: row<Facts<'node' | 'target' | 'access' | 'scope'>>(
    'T2050',
    'parsing',
    (f) =>
      `Node ${f.node} attempted to reference node ${f.target}, which is not allowed because the ` +
      `referenced node is ${f.access} to the '${f.scope}.`,
  ),

  // Config and variables.
  badInlineConfig: row('T2170', 'compilation', () => 'Invalid inline model config'),
  conflictingConfig: row<Facts<'one' | 'two'>>(
    'T2171',
    'compilation',
    (f) => `Invalid config, has conflicting keys "${f.one}" and "${f.two}"`,
  ),
  configMissing: row<Facts<'model' | 'key'>>(
    'T2172',
    'compilation',
    (f) => `Model '${f.model}' does not define a required config parameter '${f.key}'.`,
  ),
  badPersistDocs: row<Facts<'type'>>(
    'T2173',
    'compilation',
    (f) => `Invalid value provided for 'persist_docs'. Expected dict but received <class '${f.type}'>`,
  ),
  varMissing: row<Facts<'name' | 'node' | 'vars'>>(
    'T2174',
    'compilation',
    (f) => `Required var '${f.name}' not found in config:\nVars supplied to ${f.node} = ${f.vars}`,
  ),
  flagNotRegistered: row<Facts<'flag'>>('T2175', 'compilation', (f) => `The flag ${f.flag} has not been registered.`),
  secretElsewhere: row<Facts<'variable'>>(
    'T2051',
    'parsing',
    (f) =>
      `Secret env vars are allowed only in profiles.yml or packages.yml. Found '${f.variable}' referenced elsewhere.`,
  ),
  variableMissing: row<Facts<'variable'>>(
    'T2052',
    'parsing',
    (f) => `Env var required but not provided: '${f.variable}'`,
  ),
  twoHardDeletes: row(
    'T2550',
    'validation',
    () => 'You cannot set both the invalidate_hard_deletes and hard_deletes config properties on the same snapshot.',
  ),
  badHardDeletes: row('T2551', 'validation', () => 'Invalid setting for property hard_deletes.'),
  catalogMissing: row<Facts<'catalog'>>(
    'T2552',
    'validation',
    (f) => `Catalog not found.\nReceived: ${f.catalog}\nExpected one of: `,
  ),
  valueNotAllowed: row<Facts<'value' | 'allowed'>>(
    'T2553',
    'validation',
    (f) => `Expected value "${f.value}" to be one of ${f.allowed}`,
  ),
  configWhileParsing: row('T3050', 'runtime', () => 'At parse time, did not receive a context config'),

  // Methods of the adapter.
  noRelation: row<Facts<'method' | 'argument' | 'value' | 'type'>>(
    'T2180',
    'compilation',
    (f) =>
      `'adapter.${f.method}' expects ${f.argument} to be of type <class 'Relation'>, instead got ${f.value} ` +
      `(${f.type})`,
  ),
  badQuoteColumns: row<Facts<'type'>>(
    'T2181',
    'compilation',
    (f) => `The seed configuration value of "quote_columns" has an invalid type <class '${f.type}'>`,
  ),
  dropsNull: row<Facts<'session'>>('T2182', 'compilation', (f) => `Attempted to drop a null relation for ${f.session}`),
  cachesNull: row<Facts<'session'>>(
    'T2183',
    'compilation',
    (f) => `Attempted to cache a null relation for ${f.session}`,
  ),
  renamesNull: row<Facts<'from' | 'to' | 'session'>>(
    'T2184',
    'compilation',
    (f) => `Attempted to rename ${f.from} to ${f.to} for ${f.session}`,
  ),
  dispatchWithDot: row<Facts<'macro' | 'rest' | 'namespace'>>(
    'T2185',
    'compilation',
    (f) =>
      `In adapter.dispatch, got a macro name of "${f.macro}", but "." is not a valid macro name component. Did ` +
      `you mean \`adapter.dispatch("${f.rest}", macro_namespace="${f.namespace}")\`?`,
  ),
  dispatchWithPackages: row<Facts<'macro'>>(
    'T2186',
    'compilation',
    (f) =>
      'The "packages" argument of adapter.dispatch() has been deprecated.\nUse the "macro_namespace" argument ' +
      `instead.\n\nRaised during dispatch for: ${f.macro}\n\n` +
      'For more information, see:\n\nhttps://docs.getdbt.com/reference/dbt-jinja-functions/dispatch',
  ),
  badDispatchNamespace: row<Facts<'type' | 'value'>>(
    'T2187',
    'compilation',
    (f) =>
      `In adapter.dispatch, got a <class '${f.type}'> macro_namespace argument ` +
      `("${f.value}"), but macro_namespace should be None or a string.`,
  ),
  dispatchFoundNothing: row<Facts<'macro' | 'namespace' | 'attempts'>>(
    'T2188',
    'compilation',
    (f) =>
      `In dispatch: No macro named '${f.macro}' found within namespace: '${f.namespace}'\n    Searched ` +
      `for: ${f.attempts}`,
  ),
  adapterMacro: row<Facts<'macro'>>(
    'T2189',
    'compilation',
    (f) =>
      'The "adapter_macro" macro has been deprecated. Instead, use the `adapter.dispatch` method to find a ' +
      'macro and call the result.  For more ' +
      'information, see: https://docs.getdbt.com/reference/dbt-jinja-functions/dispatch) adapter_macro ' +
      `was called for: ${f.macro}`,
  ),
  noPartitionsMetadata: row('T3051', 'runtime', () => '`get_partitions_metadata` is not implemented for this adapter!'),
  strategyNotValid: row<Facts<'strategy'>>(
    'T3052',
    'runtime',
    (f) => `The incremental strategy '${f.strategy}' is not valid for this adapter`,
  ),
  noStrategyMacro: row<Facts<'macro' | 'project'>>(
    'T3053',
    'runtime',
    (f) => `dbt could not find an incremental strategy macro with the name "${f.macro}" in ${f.project}`,
  ),
  pythonJobElsewhere: row<Facts<'model' | 'stack'>>(
    'T3054',
    'runtime',
    (f) =>
      `submit_python_job is not intended to be called here, at model ${f.model}, with macro call_stack ` +
      `[${f.stack}].`,
  ),
  noSuchMacroAnywhere: row<Facts<'macro'>>(
    'T3055',
    'runtime',
    (f) => `dbt could not find a macro with the name "${f.macro}" in any package`,
  ),
  badQueryComment: row<Facts<'comment'>>(
    'T3056',
    'runtime',
    (f) => `query comment contains illegal value "*/": ${f.comment}`,
  ),

  // Statements, seeds and modules.
  statementLoadedTwice: row<Facts<'name'>>(
    'T2190',
    'compilation',
    (f) => `The 'statement' result named '${f.name}' has already been loaded into a variable`,
  ),
  cannotWriteHere: row('T2191', 'compilation', () => 'cannot "write" macros or sources'),
  seedTableElsewhere: row<Facts<'type'>>(
    'T2192',
    'compilation',
    (f) => `can only load_agate_table for seeds (got a ${f.type})`,
  ),
  endlessIterator: row<Facts<'iterator' | 'most'>>(
    'T2193',
    'compilation',
    (f) => `${f.iterator} does not end: more than ${f.most} values were taken`,
  ),
  tooManyRows: row<Facts<'function' | 'rows' | 'values'>>(
    'T2194',
    'compilation',
    (f) => `itertools.${f.function} would give more than ${f.rows} rows, or rows of more than ${f.values} values`,
  ),
  noMaterialization: row<Facts<'materialization' | 'adapter' | 'types'>>(
    'T2195',
    'compilation',
    (f) => `No materialization '${f.materialization}' was found for adapter ${f.adapter}! (searched types ${f.types})`,
  ),

  // dbt's `exceptions`.
  relationMissing: row<Facts<'relation'>>('T2196', 'compilation', (f) => `Relation ${f.relation} not found!`),
  cacheInconsistent: row<Facts<'message'>>('T9051', 'internal', (f) => `Cache inconsistency detected: ${f.message}`),
  objectNoDictionary: row<Facts<'object'>>(
    'T2197',
    'compilation',
    (f) =>
      `The object ("${f.object}") was used as a dictionary. This capability has been removed from ` +
      'objects of this type.',
  ),
  packageMissing: row<Facts<'node' | 'package'>>(
    'T2198',
    'compilation',
    (f) =>
      `Error while parsing ${f.node}.\nThe required package "${f.package}" was not ` +
      'found. Is the package installed?\nHint: You may need to run `dbt deps`.',
  ),
  seedHeader: row<Facts<'name'>>(
    'T2561',
    'compilation',
    (f) => `Syntax error in the header of the seed: with quote_columns: false, '${f.name}' is not a column name`,
    () => 'Set quote_columns: true, or the delimiter used in the file',
  ),
  badPropertyFile: row<Facts<'path' | 'issue'>>(
    'T2199',
    'compilation',
    (f) =>
      `The yml property file at ${f.path} is invalid because ${f.issue}. Please consult the ` +
      'documentation for more information on yml property file syntax:\n\n' +
      'https://docs.getdbt.com/reference/configs-and-properties',
  ),
  notImplemented: row<Facts<'message'>>('T3057', 'runtime', (f) => `ERROR: ${f.message}`),
  noIntrospection: row(
    'T3058',
    'runtime',
    () => 'connection already closed',
    () => 'With --no-introspect, templates cannot query the database.',
  ),
  relationOfWrongType: row<Facts<'relation' | 'expected' | 'found'>>(
    'T2153',
    'compilation',
    (f) =>
      `Trying to create ${f.expected} ${f.relation}, but it currently exists as a ` +
      `${f.found}. Either drop ${f.relation} manually, or run dbt with ` +
      '`--full-refresh` and dbt will drop it for you.',
  ),
  columnTypeMissing: row<Facts<'columns'>>(
    'T2154',
    'compilation',
    (f) =>
      'Contracted models require data_type to be defined for each column. Please ensure that the column ' +
      `name and data_type are defined within the YAML configuration for the ${f.columns} column(s).`,
  ),
  contractWithoutColumns: row(
    'T2155',
    'compilation',
    () => "This model has an enforced contract, and its 'columns' specification is missing",
  ),
  contractFailed: row<Facts<'table'>>(
    'T2156',
    'compilation',
    (f) =>
      'This model has an enforced contract that failed.\nPlease ensure the name, data_type, and number of ' +
      `columns in your contract match the columns in your model's definition.\n\n${f.table}`,
  ),

  // Defects.
  cteNotResolved: row<Facts<'node'>>(
    'T9052',
    'internal',
    (f) => `During compilation, found a cte reference that could not be resolved: ${f.node}`,
  ),
  notEphemeral: row<Facts<'node'>>('T9053', 'internal', (f) => `${f.node} is not ephemeral`),
  targetNotInGraph: row<Facts<'node' | 'target'>>(
    'T9054',
    'internal',
    (f) => `'${f.node}' depends on '${f.target}' which is not in the graph!`,
  ),
  databaseWhileParsing: row('T9055', 'internal', () => 'the database was accessed while parsing'),
  scopeWithoutMacros: row('T9056', 'internal', () => 'a scope without macros was asked for one'),
  cannotRun: row<Facts<'type' | 'node'>>('T9057', 'internal', (f) => `A ${f.type} cannot be run: ${f.node}`),
  windowWithoutTime: row('T9058', 'internal', () => 'a window of time without a time'),
  nodesNeverRun: row<Facts<'count'>>('T9059', 'internal', (f) => `${f.count} nodes wait for nodes that never run`),
  selectedNotInManifest: row<Facts<'node'>>(
    'T9060',
    'internal',
    (f) => `Node selection returned ${f.node}, which is not in the manifest`,
  ),
  commandRunsNothing: row<Facts<'command'>>('T9061', 'internal', (f) => `The command ${f.command} runs no nodes`),
};
