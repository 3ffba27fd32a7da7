// The table of errors by topic: code, kind, and text and hint as functions of facts. Errors without a row use the code
// of their kind. Codes appear only in the JSON log and the documentation.
import { DEPENDENCY_ERRORS } from './error-rows/dependencies.ts';
import { DIFF_ERRORS } from './error-rows/diff.ts';
import { LINEAGE_ERRORS } from './error-rows/lineage-errors.ts';
import { PARSING_ERRORS } from './error-rows/parsing.ts';
import { PROJECT_ERRORS } from './error-rows/project.ts';
import { PUBLISH_ERRORS } from './error-rows/publish.ts';
import { type ErrorRow, type Facts, row } from './error-rows/row.ts';
import { SELECTION_ERRORS } from './error-rows/selection.ts';
import { TEMPLATE_ERRORS } from './error-rows/templates.ts';
import { ERROR_KINDS, type ErrorDetails, type ErrorKind, TsdbtError } from './errors.ts';

/** Errors by topic. A code begins like the code of its kind. */
export const ERRORS = {
  ...SELECTION_ERRORS,
  ...TEMPLATE_ERRORS,
  ...PROJECT_ERRORS,
  ...DEPENDENCY_ERRORS,
  ...PARSING_ERRORS,
  ...PUBLISH_ERRORS,
  ...DIFF_ERRORS,
  ...LINEAGE_ERRORS,

  // The command line.
  threadsBelowOne: row<Facts<'threads'>>(
    'T1001',
    'usage',
    (f) => `threads: ${f.threads} is not a valid number of threads; it must be greater than 0`,
  ),
  badOptionValue: row<Facts<'option' | 'why'>>(
    'T1002',
    'usage',
    (f) => `Error: Invalid value for '${f.option}': ${f.why}`,
  ),
  optionTakesNoValue: row<Facts<'option'>>(
    'T1003',
    'usage',
    (f) => `Error: Option '${f.option}' does not take a value.`,
  ),
  optionNeedsArgument: row<Facts<'option'>>(
    'T1004',
    'usage',
    (f) => `Error: Option '${f.option}' requires an argument.`,
  ),
  unknownCommand: row<Facts<'command'>>(
    'T1005',
    'usage',
    (f) => `Error: The command '${f.command}' is not part of this version.`,
  ),
  commandLineRefused: row<Facts<'usage' | 'command' | 'why'>>(
    'T1006',
    'usage',
    (f) => `Usage: ${f.usage}\nTry '${f.command} --help' for help.\n\nError: ${f.why}`,
  ),
  ifChangedAlone: row('T1024', 'usage', () => "Error: '--if-changed' has no effect without '--every'."),
  optionUseless: row<Facts<'option' | 'needs'>>(
    'T1025',
    'usage',
    (f) => `Error: '${f.option}' has no effect without ${f.needs}.`,
  ),
  dbWithoutAction: row('T1007', 'usage', () => 'Error: Missing argument: start, stop, status or url.'),
  completionWithoutShell: row('T1013', 'usage', () => 'Error: Missing argument: bash, zsh or fish.'),
  querySource: row(
    'T1014',
    'usage',
    () => "Error: Expected a query, as the argument '[SQL]' or in the file of --file.",
  ),
  severalQueries: row('T1026', 'usage', () => 'Error: Expected one statement, found another one after a semicolon.'),
  packageWithoutVersion: row<Facts<'source'>>(
    'T1008',
    'usage',
    (f) => `Version is required in --add-package when a package when source is ${f.source}`,
  ),
  answersEnded: row<Facts<'question'>>(
    'T1009',
    'usage',
    (f) => `Error: The input ended, but an answer is required: ${f.question}`,
  ),
  fileIntoManyTables: row<Facts<'count' | 'names'>>(
    'T1010',
    'usage',
    (f) =>
      `Error: --from loads one file into one table, but ${f.count} are selected: ${f.names}. Select one with ` +
      '--select source:NAME.TABLE.',
  ),
  rewindWithoutPlace: row(
    'T1011',
    'usage',
    () =>
      'Error: `load rewind` needs --to: earliest, latest, loaded (after the last offset in the table), an offset, a ' +
      "time such as '2026-05-01 12:00', or partitions by number: 2:1500,3:earliest.",
  ),
  produceWithoutTopic: row('T1012', 'usage', () => 'Error: `produce` needs --topic and --from.'),

  // Project and profile.
  projectWithoutProfile: row<Facts<'folder'>>(
    'T1101',
    'project',
    (f) => `dbt_project.yml in ${f.folder} has no 'profile'`,
  ),
  assetPathOutside: row<Facts<'path'>>(
    'T1102',
    'project',
    (f) =>
      `asset-paths contains '${f.path}', which is not a folder in the project. Only such folders are copied to the ` +
      'documentation',
  ),
  serverOfYours: row<Facts<'target' | 'profile'>>(
    'T1201',
    'profile',
    (f) => `target "${f.target}" of profile "${f.profile}" is not an embedded server`,
    () =>
      '`tsdbt db` is for embedded servers: a Postgres target with `embedded: true`, a ClickHouse target with `path:`.',
  ),
  noConnectionsFile: row<Facts<'connection' | 'path'>>(
    'T1202',
    'profile',
    (f) => `Connection '${f.connection}' is required, but ${f.path} does not exist.`,
    (f) => `connections:\n  ${f.connection}: { brokers: ["localhost:9092"] }`,
  ),
  writtenSecret: row<Facts<'secret'>>(
    'T1203',
    'profile',
    (f) => `The secret '${f.secret}' is written in plain text`,
    () => `Read secrets from the environment: "{{ env_var('DBT_ENV_SECRET_...') }}".`,
  ),
  noSchemaRegistry: row<Facts<'source' | 'connection' | 'format'>>(
    'T1204',
    'profile',
    (f) => `Source ${f.source} has the format ${f.format}, but connection '${f.connection}' has no schema registry.`,
    () => 'registry: http://localhost:8081',
  ),
  noRegistryToProduce: row<Facts<'connection' | 'format'>>(
    'T1217',
    'profile',
    (f) => `--format ${f.format} requires a schema registry, but connection '${f.connection}' has none.`,
    () => 'registry: http://localhost:8081',
  ),

  // Jobs.
  badJobs: row<Facts<'why'>>('T1130', 'project', (f) => `Invalid jobs.yml: ${f.why}`),
  noJobsFile: row<Facts<'path'>>(
    'T1131',
    'project',
    (f) => `${f.path} does not exist. It defines the jobs.`,
    () => 'jobs:\n  fresh: { every: 5m, build: }',
  ),
  unknownJob: row<Facts<'job' | 'known'>>(
    'T1132',
    'project',
    (f) => `Job '${f.job}' does not exist in jobs.yml`,
    (f) => `${f.known}`,
  ),
  emptyJob: row<Facts<'job' | 'why'>>('T1133', 'project', (f) => `Job '${f.job}' of jobs.yml ${f.why}`),

  // Parsing.
  badForeignKey: row<Facts<'node' | 'to'>>(
    'T2001',
    'parsing',
    (f) =>
      `'${f.node}' defines a foreign key constraint 'to' expression which is not valid 'ref' or 'source' syntax: ` +
      `${f.to}.`,
  ),
  unitTestWithoutModel: row<Facts<'model' | 'test' | 'file'>>(
    'T2002',
    'parsing',
    (f) => `Unable to find model '${f.model}' for unit test '${f.test}' in ${f.file}`,
  ),
  badUnitTestInput: row<Facts<'input'>>(
    'T2003',
    'parsing',
    (f) => `Unit test given inputs must be either a 'ref', 'source' or 'this' call. Got: '${f.input}'.`,
  ),
  unitTestInputNotFound: row<Facts<'test' | 'input'>>(
    'T2004',
    'parsing',
    (f) => `Unit test '${f.test}' had an input (${f.input}) which was not found in the manifest.`,
  ),

  // Templates and macros.
  badMacroResult: row<Facts<'macro' | 'value'>>(
    'T2101',
    'compilation',
    (f) => `Got an invalid result from "${f.macro}" macro: ${f.value}`,
  ),
  noSuchMacro: row<Facts<'macro'>>(
    'T2102',
    'compilation',
    (f) =>
      `dbt could not find a macro with the name '${f.macro}' in any package. This can happen when calling a macro ` +
      'that does not exist. Check for typos and/or install package dependencies with "dbt deps".',
  ),
  retriedNodeMissing: row<Facts<'node'>>(
    'T2103',
    'compilation',
    (f) => `Couldn't find model '${f.node}' -- does it exist or is it disabled?`,
  ),
  inlineReferenceMissing: row<Facts<'node' | 'type' | 'name' | 'why'>>(
    'T2104',
    'compilation',
    (f) => `Sql_Operation '${f.node}' (from remote system.sql) depends on a ${f.type} named '${f.name}' which ${f.why}`,
  ),
  testVerdictNotBoolean: row<Facts<'value'>>(
    'T2105',
    'compilation',
    (f) =>
      `Macro 'get_test_sql' returns '${f.value}'.  It is not type 'bool' and cannot not be converted reliably to a ` +
      'bool.',
  ),
  materializationWithoutList: row<Facts<'materialization'>>(
    'T2106',
    'compilation',
    (f) =>
      `The materialization ("${f.materialization}") did not explicitly return a list of relations to add to the ` +
      'cache.',
  ),
  materializationNoDict: row<Facts<'value'>>(
    'T2107',
    'compilation',
    (f) => `Invalid return value from materialization, expected a dict with key "relations", got: ${f.value}`,
  ),
  materializationNoRelations: row<Facts<'keys'>>(
    'T2108',
    'compilation',
    (f) => `Invalid return value from materialization, "relations" not found, got keys: ${f.keys}`,
  ),
  materializationNoList: row<Facts<'value'>>(
    'T2109',
    'compilation',
    (f) => `Invalid return value from materialization, "relations" not a list, got: ${f.value}`,
  ),
  materializationNoRelation: row<Facts<'value' | 'type'>>(
    'T2110',
    'compilation',
    (f) => `Invalid return value from materialization, "relations" contains non-Relation: ${f.value} (${f.type})`,
  ),
  catalogWithoutKey: row<Facts<'key' | 'row'>>(
    'T2111',
    'compilation',
    (f) => `Catalog information missing required key '${f.key}' (got ${f.row})`,
  ),
  catalogNoTable: row<Facts<'macro'>>('T2112', 'compilation', (f) => `the macro ${f.macro} must return a table`),
  catalogAmbiguous: row<Facts<'one' | 'two' | 'source'>>(
    'T2113',
    'compilation',
    (f) =>
      `dbt found two relations in your warehouse with similar database identifiers: ${f.one} and ${f.two} both ` +
      `answer for "${f.source}"`,
    () => 'Rename or drop one of them.',
  ),

  // Values of a wrong kind.
  notAnInteger: row<Facts<'value'>>('T2501', 'validation', (f) => `${f.value} is not of type 'integer'`),
  languageNotSupported: row<Facts<'materialization' | 'languages' | 'language'>>(
    'T2502',
    'validation',
    (f) => `Materialization "${f.materialization}" only supports languages [${f.languages}]; got "${f.language}"`,
  ),
  modelFreshnessWithoutField: row<Facts<'model'>>(
    'T2503',
    'validation',
    (f) => `The freshness of model '${f.model}' has no loaded_at_field, and the model has no event_time`,
    () => 'Example: freshness: {loaded_at_field: updated_at, error_after: {count: 1, period: hour}}',
  ),
  testSliceWithoutColumn: row<Facts<'test'>>(
    'T2504',
    'validation',
    (f) => `test_slice of ${f.test} has no column, and the tested node has no event_time`,
    () => 'Example: test_slice: {column: loaded_at}',
  ),
  topicLoadedTwice: row<Facts<'one' | 'two' | 'topic' | 'table'>>(
    'T2505',
    'validation',
    (f) => `Sources ${f.one} and ${f.two} both load topic ${f.topic} into ${f.table}.`,
    () => 'Remove the load config from one of them, or set another table with `identifier`.',
  ),
  tableLoadedTwice: row<Facts<'one' | 'two' | 'table'>>(
    'T2506',
    'validation',
    (f) => `Sources ${f.one} and ${f.two} both load into ${f.table}.`,
    () => 'Load several topics with `topics` or `topic_pattern` in one source, or set another table with `identifier`.',
  ),

  // Execution of a command.
  cannotWrite: row<Facts<'path' | 'why'>>(
    'T3001',
    'runtime',
    (f) => `Could not write ${f.path}: ${f.why}`,
    () => 'Check free space and permissions, or set another folder with --target-path.',
  ),
  cannotWriteLog: row<Facts<'path' | 'why'>>(
    'T3002',
    'runtime',
    (f) => `Could not write the log ${f.path}: ${f.why}`,
    () => 'Set another folder with --log-path, or disable the log with --log-level-file none.',
  ),
  cannotReadSeed: row<Facts<'path'>>('T3003', 'runtime', (f) => `Could not read ${f.path}`),
  exclusiveArguments: row<Facts<'one' | 'two'>>(
    'T3004',
    'runtime',
    (f) => `"${f.one}" and "${f.two}" are mutually exclusive arguments`,
  ),
  nothingToShow: row('T3005', 'runtime', () => 'Either --select or --inline must be passed to show'),
  nothingToOperate: row('T3006', 'runtime', () => 'Either a macro name or --sql must be passed to run-operation'),
  macroAndSql: row('T3007', 'runtime', () => 'Cannot specify both a macro name and --sql for run-operation'),
  argumentsOfSql: row('T3008', 'runtime', () => '--args cannot be used with --sql; pass arguments directly in the SQL'),
  noSuchMacroInPackage: row<Facts<'macro' | 'package'>>(
    'T3009',
    'runtime',
    (f) => `dbt could not find a macro with the name "${f.macro}" in the "${f.package}" package`,
  ),
  retryNotSupported: row<Facts<'command'>>(
    'T3010',
    'runtime',
    (f) => `dbt retry is not supported for the '${f.command}' command`,
  ),
  noPreviousRun: row<Facts<'folder'>>(
    'T3011',
    'runtime',
    (f) => `Could not find previous run in '${f.folder}' target directory`,
  ),
  secretNotKept: row<Facts<'command' | 'option' | 'hint'>>(
    'T3012',
    'runtime',
    (f) => `The last '${f.command}' had a secret in --${f.option}, which is not stored.`,
    (f) => `${f.hint}`,
  ),
  profileInExistingProject: row(
    'T3013',
    'runtime',
    () => 'Can not init existing project with specified profile, edit dbt_project.yml instead',
  ),
  noSuchProfile: row<Facts<'profile'>>('T3014', 'runtime', (f) => `Could not find profile named '${f.profile}'`),
  deferralWithoutState: row(
    'T3015',
    'runtime',
    () => '--state or --defer-state are required for deferral, but neither was provided',
  ),
  stateWithoutManifest: row<Facts<'folder'>>(
    'T3016',
    'runtime',
    (f) => `Could not find manifest in --state path: "${f.folder}"`,
  ),
  inlineRefused: row('T3017', 'runtime', () => 'Error parsing inline query'),
  noMainStatement: row<Facts<'what'>>('T3018', 'runtime', (f) => `main is not being called during running ${f.what}`),
  unitTestFailed: row<Facts<'test' | 'error'>>(
    'T3019',
    'runtime',
    (f) =>
      `An error occurred during execution of unit test '${f.test}'. There may be an error in the unit test ` +
      `definition: check the data types.\n ${f.error}`,
  ),
  unitTestCteMissing: row<Facts<'test' | 'cte' | 'model'>>(
    'T3098',
    'runtime',
    (f) => `Unit test '${f.test}' expects rows of the CTE '${f.cte}', which '${f.model}' does not have.`,
  ),
  pointerAliasTaken: row<Facts<'model' | 'alias'>>(
    'T3020',
    'runtime',
    (f) =>
      `Cannot create latest version pointer: the latest version of '${f.model}' is already aliased to '${f.alias}'. ` +
      'Set `latest_version_pointer: enabled: false` or remove the conflicting alias.',
  ),
  rowsOfAnotherNode: row<Facts<'relation' | 'owner' | 'node' | 'remedy'>>(
    'T3090',
    'runtime',
    (f) => `${f.relation} holds the rows of ${f.owner}, and ${f.node} would add to them.`,
    (f) => `${f.remedy}. If the table holds the node's own rows by now, remove view_state.json from the target folder.`,
  ),
  freshnessWithoutField: row<Facts<'source' | 'adapter'>>(
    'T3021',
    'runtime',
    (f) =>
      `Could not compute freshness for source ${f.source}: no 'loaded_at_field' provided and ${f.adapter} adapter ` +
      'does not support metadata-based freshness checks.',
  ),
  cannotList: row<Facts<'node'>>(
    'T3022',
    'runtime',
    (f) => `Got an unexpected result from node selection: "${f.node}"Listing this node type is not yet supported!`,
  ),
  docsNotServed: row<Facts<'address' | 'why'>>(
    'T3023',
    'runtime',
    (f) => `Could not serve the docs on ${f.address}: ${f.why}`,
    () => 'Choose another port with --port.',
  ),
  noDocs: row<Facts<'path'>>(
    'T3024',
    'runtime',
    (f) => `There are no docs to serve: ${f.path} does not exist`,
    () => 'run `tsdbt docs generate` first',
  ),
  badArtifact: row<Facts<'path' | 'why'>>(
    'T3025',
    'runtime',
    (f) => `${f.path} is not valid JSON: ${f.why}`,
    () => 'run `tsdbt docs generate` again',
  ),
  nothingToLoad: row(
    'T3026',
    'runtime',
    () => 'No selected source has a load config.',
    () => 'On a source table: config: { meta: { tsdbt: { load: { topic: my_topic } } } }',
  ),
  actionLacks: row<Facts<'action' | 'what' | 'sources'>>(
    'T3088',
    'runtime',
    (f) => `\`load ${f.action}\` needs ${f.what}, and no selected source has one: ${f.sources}`,
    () =>
      "In meta.tsdbt.load of a source 'topic' names what fills its table, and 'archive' where its messages are kept.",
  ),
  noHashKey: row<Facts<'source' | 'variable'>>(
    'T3027',
    'runtime',
    (f) => `Source ${f.source} hashes or drops personal data, but ${f.variable} is not set.`,
    (f) => `Set ${f.variable} to a long secret text, and keep it: hashes depend on it.`,
  ),
  nodeTooSlow: row<Facts<'seconds'>>(
    'T3029',
    'runtime',
    (f) => `took longer than its timeout of ${f.seconds} s and was cancelled`,
    () => 'Change the limit with meta.tsdbt.timeout.',
  ),
  auditOfOther: row<Facts<'node' | 'type'>>(
    'T3061',
    'runtime',
    (f) => `meta.tsdbt.audit is only supported for models and snapshots; ${f.node} is a ${f.type}`,
  ),
  notAuditable: row<Facts<'node' | 'found' | 'known'>>(
    'T3062',
    'runtime',
    (f) =>
      `meta.tsdbt.audit of ${f.node}: expected a built-in materialization of these: ${f.known}. Found ${f.found}, ` +
      'which publishes outside of the audit. Nothing was built.',
  ),
  ownPublishing: row<Facts<'node' | 'macro'>>(
    'T3065',
    'runtime',
    (f) =>
      `meta.tsdbt.audit of ${f.node}: the project overrides the macro ${f.macro}, which would publish without the ` +
      'audit. Nothing was built.',
  ),
  auditFailed: row<Facts<'failed' | 'all' | 'tests'>>(
    'T3063',
    'runtime',
    (f) =>
      `The audit failed: ${f.failed} of ${f.all} tests did not pass on what was to be published (${f.tests}). ` +
      'Nothing was published: readers see what was there before.',
  ),
  auditWithoutTransaction: row(
    'T3064',
    'runtime',
    () => 'An audit requires a transaction. Nothing was published.',
    () => 'Set autocommit: false in the profile.',
  ),

  // Answers of a database.
  auditUnanswered: row<Facts<'failed' | 'all' | 'tests'>>(
    'T4102',
    'connection',
    (f) =>
      `The audit could not be completed: ${f.failed} of ${f.all} tests failed by what may pass (${f.tests}). ` +
      'Nothing was published: readers see what was there before.',
  ),
  freshnessIsNull: row<Facts<'field'>>(
    'T4001',
    'database',
    (f) =>
      `Expected a non-null value when querying field '${f.field}' of table  null relation but received value 'null' ` +
      'instead',
  ),
  freshnessIsNoTime: row<Facts<'field' | 'type'>>(
    'T4002',
    'database',
    (f) =>
      `Expected a timestamp value when querying field '${f.field}' of table null relation but received value of ` +
      `type '${f.type}' instead`,
  ),
  serverStopped: row<Facts<'title'>>(
    'T4101',
    'connection',
    (f) => `The embedded ${f.title} is not running, so it has no address.`,
    () => '`tsdbt db start` starts it and keeps it running.',
  ),
  wrongTestShape: row<Facts<'test' | 'found' | 'expected'>>(
    'T9001',
    'internal',
    (f) => `dbt internally failed to execute ${f.test}: Returned ${f.found}, but expected ${f.expected}`,
  ),
};

export type ErrorTopic = keyof typeof ERRORS;

/** The facts that the text of an error needs. */
export type FactsOfError<N extends ErrorTopic> = (typeof ERRORS)[N] extends ErrorRow<infer F> ? F : never;

/** Creates the error of a row. @param details place and cause */
export function errorOf<N extends ErrorTopic>(
  topic: N,
  facts: FactsOfError<N>,
  details: ErrorDetails = {},
): TsdbtError {
  // TypeScript cannot see that this member of the union takes these facts.
  const { code, kind, text, hint } = ERRORS[topic] as unknown as ErrorRow<FactsOfError<N>>;
  return new TsdbtError(kind, text(facts), {
    ...details,
    ...(hint === undefined ? {} : { hint: hint(facts) }),
    errorCode: code,
  });
}

/** An error as the documentation lists it: facts appear as `<name>`. */
export interface DocumentedError {
  readonly topic: string;
  readonly code: string;
  readonly kind: ErrorKind;
  readonly text: string;
  readonly hint: string | null;
}

/** All errors with a code, in order of code. */
export function documentedErrors(): readonly DocumentedError[] {
  const names = new Proxy({}, { get: (_, name) => `<${String(name)}>` });
  return Object.entries<unknown>(ERRORS)
    .map(([topic, entry]) => {
      const { code, kind, text, hint } = entry as ErrorRow<object>;
      return { topic, code, kind, text: text(names), hint: hint?.(names) ?? null };
    })
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** Returns the code of any thrown value: its own, that of its kind, or that of a defect. */
export function errorCodeOf(error: unknown): string {
  return error instanceof TsdbtError ? error.errorCode : ERROR_KINDS.internal.code;
}
