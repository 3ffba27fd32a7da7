// Errors of parsing a project: macros, nodes, properties, tests, references and their checks.
import { type Facts, row } from './row.ts';

export const PARSING_ERRORS = {
  badProjectVersion: row<Facts<'version'>>(
    'T1118',
    'project',
    (f) => `Got an unexpected project version=${f.version}, expected 2`,
  ),
  badGroup: row<Facts<'group' | 'groups'>>(
    'T2010',
    'parsing',
    (f) => `Invalid group '${f.group}', expected one of ${f.groups}`,
  ),
  publicEphemeral: row<Facts<'node'>>(
    'T2011',
    'parsing',
    (f) => `Node ${f.node} with 'ephemeral' materialization has an invalid value (public) for the access field`,
  ),
  argumentAfterDefaulted: row<Facts<'argument' | 'function'>>(
    'T2012',
    'parsing',
    (f) =>
      `Non-defaulted argument '${f.argument}' of function '${f.function}' comes after a defaulted ` +
      'argument. Non-defaulted arguments cannot come after defaulted arguments. ',
  ),
  versionedAndUnversioned: row<Facts<'name' | 'node' | 'path' | 'patch'>>(
    'T2013',
    'parsing',
    (f) =>
      `dbt found versioned and unversioned models with the name "${f.name}".\n\nSince these resources have ` +
      `the same name, dbt will be unable to find the correct resource\nwhen looking for ref('${f.name}` +
      `').\n\nTo fix this, change the name of the unversioned resource\n${f.node} (${f.path})\nor add the ` +
      `unversioned model to the versions in ${f.patch}`,
  ),
  badMicrobatch: row<Facts<'model' | 'what'>>('T2014', 'parsing', (f) => `Microbatch model '${f.model}' ${f.what}`),
  badConfigType: row<Facts<'key' | 'problem'>>('T2015', 'parsing', (f) => `at path ['${f.key}']: ${f.problem}`),
  badConfigChoice: row<Facts<'key' | 'type' | 'class' | 'value'>>(
    'T2016',
    'parsing',
    (f) => `Field "${f.key}" of type ${f.type} in ${f.class} has invalid value ${f.value}`,
  ),
  badConfig: row<Facts<'problem'>>('T2017', 'parsing', (f) => `at path []: ${f.problem}`),
  badColor: row<Facts<'color'>>(
    'T2018',
    'parsing',
    (f) =>
      `Invalid color name for docs.node_color: ${f.color}. It is neither a valid HTML color name nor a ` +
      'valid HEX code.',
  ),
  enforcedNotBoolean: row<Facts<'value'>>(
    'T2019',
    'parsing',
    (f) => `at path ['enforced']: ${f.value} is not of type 'boolean'`,
  ),
  schemaIsNone: row<Facts<'node'>>(
    'T2020',
    'parsing',
    (f) =>
      `Node '${f.node}' has a schema set to None as a result of a generate_schema_name call.\nPlease set a ` +
      'valid schema name, or preserve the legacy behavior by setting the behavior flag ' +
      "'require_valid_schema_from_generate_schema_name' to True.",
  ),
  parsedReferenceNotAllowed: row<Facts<'node' | 'target' | 'access' | 'scope'>>(
    'T2021',
    'parsing',
    (f) =>
      `Node ${f.node} attempted to reference node ${f.target}, which is not allowed because the referenced ` +
      `node is ${f.access} to the ${f.scope}.`,
  ),
  measureMissing: row<Facts<'measure'>>(
    'T2022',
    'parsing',
    (f) => `A semantic model having a measure \`${f.measure}\` does not exist but was referenced.`,
  ),
  measureDisabled: row<Facts<'measure' | 'model'>>(
    'T2558',
    'parsing',
    (f) => `The measure \`${f.measure}\` is referenced on disabled semantic model \`${f.model}\`.`,
  ),
  metricOfMetricMissing: row<Facts<'name' | 'metric'>>(
    'T2023',
    'parsing',
    (f) => `The metric \`${f.name}\` does not exist but was referenced by metric \`${f.metric}\`.`,
  ),
  isIncrementalNotGiven: row<Facts<'test' | 'model'>>(
    'T2024',
    'parsing',
    (f) =>
      `Boolean override for 'is_incremental' must be provided for unit test '${f.test}' in model '` + `${f.model}'`,
  ),
  thisInputMissing: row<Facts<'test' | 'model'>>(
    'T2025',
    'parsing',
    (f) => `Unit test '${f.test}' for incremental model '${f.model}' must have a 'this' input`,
  ),
  versionsOfUnversioned: row<Facts<'test' | 'model'>>(
    'T2026',
    'parsing',
    (f) =>
      `Unit test '${f.test}' should not have a versions include or exclude when referencing non-versioned ` +
      `model '${f.model}'`,
  ),
  testedVersionMissing: row<Facts<'test' | 'model'>>(
    'T2027',
    'parsing',
    (f) => `Unit test '${f.test}' referenced a version of '${f.model}' which was not found.`,
  ),
  badModelConstraint: row<Facts<'model'>>(
    'T2028',
    'parsing',
    (f) =>
      `Invalid constraint type on model ${f.model}: Type must be one of ['check', 'not_null', 'unique', ` +
      "'primary_key', 'foreign_key', 'custom']",
  ),
  badForeignKeySyntax: row<Facts<'model' | 'to'>>(
    'T2029',
    'parsing',
    (f) => `Invalid 'ref' or 'source' syntax on foreign key constraint 'to' on model ${f.model}: ${f.to}.`,
  ),
  contractNotEnforceable: row<Facts<'path' | 'errors'>>(
    'T2030',
    'parsing',
    (f) => `Contract enforcement failed for: (${f.path})\n${f.errors}`,
  ),
  badPrimaryKey: row<Facts<'path' | 'errors'>>(
    'T2031',
    'parsing',
    (f) => `Primary key constraint error: (${f.path})\n${f.errors}`,
  ),
  overloadOfItself: row<Facts<'function' | 'name'>>(
    'T2032',
    'parsing',
    (f) => `Function '${f.function}' cannot list itself in overloads (defined_in: '${f.name}').`,
  ),
  overloadMissing: row<Facts<'name'>>(
    'T2033',
    'parsing',
    (f) => `Function overload '${f.name}' (defined_in) not found. Expected a SQL file at functions/${f.name}.sql`,
  ),
  manyDisabledNodes: row<Facts<'count' | 'type' | 'name'>>(
    'T2034',
    'parsing',
    (f) =>
      `Found ${f.count} matching disabled nodes for ${f.type} '${f.name}'. Multiple nodes for the same ` +
      'unique id cannot be enabled in the schema file. They must be enabled in `dbt_project.yml` or in the ' +
      'sql files.',
  ),
  badAccess: row<Facts<'node' | 'access'>>(
    'T2035',
    'parsing',
    (f) => `Node ${f.node} has an invalid value (${f.access}) for the access field`,
  ),
  badLatestVersion: row<Facts<'version' | 'model' | 'versions'>>(
    'T2036',
    'parsing',
    (f) => `latest_version: ${f.version} is not one of model '${f.model}' versions: ${f.versions} `,
  ),
  versionTwice: row<Facts<'version' | 'model'>>(
    'T2037',
    'parsing',
    (f) => `Found duplicate version: '${f.version}' in versions list of model '${f.model}'`,
  ),
  /** dbt fails with a KeyError. */
  versionsOfOneFile: row<Facts<'model' | 'file' | 'version'>>(
    'T2074',
    'parsing',
    (f) =>
      `Version '${f.version}' of model '${f.model}' is defined in '${f.file}', which also defines another version: ` +
      'each version needs its own file',
  ),
  keyInConfigToo: row<Facts<'path' | 'key'>>(
    'T2038',
    'parsing',
    (f) =>
      `In ${f.path}: found ${f.key} dictionary in 'config' dictionary and as top-level ` +
      "key.\n                    Remove the top-level key and define it under 'config' dictionary only.",
  ),
  timeSpineMissing: row(
    'T2559',
    'parsing',
    () =>
      'The semantic layer requires a time spine model with granularity DAY or smaller in the project, but none was ' +
      'found. Guidance on creating this model can be found on our docs site ' +
      '(https://docs.getdbt.com/docs/build/metricflow-time-spine).',
  ),
  semanticLayerInvalid: row('T2560', 'parsing', () => 'Semantic Manifest validation failed.'),
  timeSpineWithoutColumn: row<Facts<'model'>>(
    'T2039',
    'parsing',
    (f) => `The time spine of model '${f.model}' has to name its 'standard_granularity_column', a text`,
  ),
  timeSpineColumnMissing: row<Facts<'column' | 'model' | 'which' | 'names'>>(
    'T2040',
    'parsing',
    (f) =>
      "Time spine standard granularity column must be defined on the model. Got invalid column name '" +
      `${f.column}' for model '${f.model}'. Valid names${f.which}: ${f.names}.`,
  ),
  timeSpineWithoutGranularity: row<Facts<'column' | 'model'>>(
    'T2041',
    'parsing',
    (f) =>
      "Time spine standard granularity column must have a granularity defined. Please add one for column '" +
      `${f.column}' in model '${f.model}'.`,
  ),
  granularityColumnsMissing: row<Facts<'columns' | 'names'>>(
    'T2042',
    'parsing',
    (f) =>
      `Time spine custom granularity columns do not exist in the model. Columns not found: ${f.columns}; ` +
      `Available columns: ${f.names}`,
  ),
  badColumnConstraint: row<Facts<'column'>>('T2043', 'parsing', (f) => `Invalid constraint type on column ${f.column}`),
  manyIncludes: row('T2044', 'parsing', () => 'version can have at most one include/exclude element'),
  badInclude: row('T2045', 'parsing', () => "include must be one of ('all', '*') or a list of strings"),
  excludeWithoutAll: row('T2046', 'parsing', () => "exclude can only be specified if include is one of ('all', '*')"),
  testNoDictionary: row<Facts<'type' | 'value'>>(
    'T2047',
    'parsing',
    (f) => `test must be dict or str, got ${f.type} (value ${f.value})`,
  ),
  testOfManyKeys: row<Facts<'keys' | 'count'>>(
    'T2048',
    'parsing',
    (f) => `test definition dictionary must have exactly one key, got ${f.keys} instead (${f.count} keys)`,
  ),
  testArgumentsNoDictionary: row<Facts<'type' | 'value'>>(
    'T2049',
    'parsing',
    (f) => `test arguments must be a dict, got ${f.type} (value ${f.value})`,
  ),
  testNameNoText: row<Facts<'type' | 'value'>>(
    'T2053',
    'parsing',
    (f) => `test name must be a str, got ${f.type} (value ${f.value})`,
  ),
  testConfigNoDictionary: row<Facts<'type' | 'value'>>(
    'T2054',
    'parsing',
    (f) => `'config' must be a dict, got ${f.type} (value ${f.value})`,
  ),
  manyMacros: row<Facts<'sql'>>('T2055', 'parsing', (f) => `Found multiple macros in ${f.sql}, expected 1`),
  jinjaInPython: row('T2056', 'parsing', () => 'No jinja in python model code is allowed'),
  seedHookReferences: row<Facts<'node' | 'hooks'>>(
    'T2057',
    'parsing',
    (f) =>
      "Seeds cannot depend on other nodes. dbt detected a seed with a pre- or post-hook\nthat calls 'ref', " +
      "'source', or 'metric', either directly or indirectly via other macros.\n\nError raised for '" +
      `${f.node}', which has these hooks defined: \n${f.hooks}`,
  ),
  badWindow: row<Facts<'window'>>(
    'T2058',
    'parsing',
    (f) =>
      `Invalid window (${f.window}) in cumulative/conversion metric. Should be of the form \`<count> ` +
      '<granularity>`, e.g., `28 days`',
  ),
  badWindowCount: row<Facts<'count' | 'window'>>(
    'T2059',
    'parsing',
    (f) => `Invalid count (${f.count}) in cumulative/conversion metric window string: (${f.window})`,
  ),
  typeParamsNoDictionary: row<Facts<'value'>>(
    'T2060',
    'parsing',
    (f) => `type_params of a metric must be a dictionary, found ${f.value}`,
  ),
  propertiesNotRead: row<Facts<'package' | 'path' | 'why'>>(
    'T2061',
    'parsing',
    (f) => `Error reading ${f.package}: ${f.path} - Runtime Error\n  ${f.why}`,
  ),
  propertiesNoDictionary: row<Facts<'package' | 'path' | 'file'>>(
    'T2062',
    'parsing',
    (f) =>
      `Error reading ${f.package}: ${f.path} - Runtime Error\n  Contents of file '${f.file}' are not ` +
      'valid. Dictionary expected.',
  ),
  referenceNoText: row<Facts<'found'>>(
    'T2063',
    'parsing',
    (f) => `Invalid ref or source expression: expected text such as ref('a'), found ${f.found}`,
  ),
  badReference: row<Facts<'expression'>>(
    'T2064',
    'parsing',
    (f) => `Invalid ref or source expression: ${f.expression}`,
  ),
  sameRelation: row<Facts<'relation' | 'one' | 'onePath' | 'other' | 'otherPath'>>(
    'T2123',
    'compilation',
    (f) =>
      `dbt found two resources with the database representation "${f.relation}".\ndbt cannot create two ` +
      'resources with identical database representations. To fix this,\nchange the configuration of one of ' +
      `these resources:\n- ${f.one} (${f.onePath})\n- ${f.other} (${f.otherPath})`,
  ),
  sameName: row<Facts<'kinds' | 'name' | 'one' | 'onePath' | 'other' | 'otherPath'>>(
    'T2124',
    'compilation',
    (f) =>
      `dbt found two ${f.kinds} with the name "${f.name}".\n\nSince these resources have the same name, ` +
      `dbt will be unable to find the correct resource\nwhen looking for ref("${f.name}").\n\nTo fix this, ` +
      `change the name of one of these resources:\n- ${f.one} (${f.onePath})\n- ${f.other} (${f.otherPath})`,
  ),
  dispatchedNameWithDot: row<Facts<'macro' | 'name' | 'namespace'>>(
    'T2125',
    'compilation',
    (f) =>
      `In adapter.dispatch, got a macro name of "${f.macro}", but "." is not a valid macro name component. ` +
      `Did you mean \`adapter.dispatch("${f.name}", macro_namespace="${f.namespace}")\`?`,
  ),
  dispatchedMacroMissing: row<Facts<'macro' | 'namespace' | 'macros'>>(
    'T2126',
    'compilation',
    (f) =>
      `In dispatch: No macro named '${f.macro}' found within namespace: '${f.namespace}'\n    Searched ` +
      `for: ${f.macros}`,
  ),
  testArgumentModel: row('T2127', 'compilation', () => 'Test arguments include "model", which is a reserved argument'),
  badTestName: row<Facts<'test'>>(
    'T2128',
    'compilation',
    (f) => `Test name string did not match expected pattern: ${f.test}`,
  ),
  testKeyTwice: row('T2129', 'compilation', () => 'Test cannot have the same key at the top-level and in config'),
  testConfigMacroMissing: row<Facts<'target' | 'column' | 'test' | 'key' | 'why'>>(
    'T2130',
    'compilation',
    (f) =>
      `The ${f.target}.${f.column} column's "${f.test}" test references an undefined macro in its ${f.key} ` +
      `configuration argument. The macro ${f.why}.\nPlease note that the generic test configuration parser ` +
      'currently does not support using custom macros to populate configuration values',
  ),
  testTagsNoList: row<Facts<'value' | 'type'>>(
    'T2131',
    'compilation',
    (f) => `got ${f.value} (${f.type}) for tags, expected a list of strings`,
  ),
  testTagNoText: row<Facts<'value' | 'type'>>(
    'T2132',
    'compilation',
    (f) => `got ${f.value} (${f.type}) for tag, expected a str`,
  ),
  noSupportedLanguages: row<Facts<'macro'>>(
    'T2133',
    'compilation',
    (f) => `No supported_languages found in materialization macro ${f.macro}`,
  ),
  macroNamespaceNoText: row<Facts<'type'>>(
    'T2134',
    'compilation',
    (f) => `The macro_namespace parameter to adapter.dispatch is a ${f.type}, not a string`,
  ),
  sameMacroName: row<Facts<'macro' | 'package' | 'one' | 'other'>>(
    'T2135',
    'compilation',
    (f) =>
      `dbt found multiple macros named "${f.macro}" in the project "${f.package}". All macros require ` +
      'unique names, to fix this error rename or remove any duplicates. They can be found in these ' +
      `files:\n    - ${f.one}\n    - ${f.other}`,
  ),
  sameFixtureName: row<Facts<'name' | 'node' | 'one' | 'other'>>(
    'T2136',
    'compilation',
    (f) =>
      `dbt found two fixtures with the name "${f.name}".\n\nSince these resources have the same name, dbt ` +
      `will be unable to find the correct resource\nwhen looking for ${f.name}.\n\nTo fix this, change the ` +
      `name of one of these resources:\n- ${f.node} (${f.one})\n- ${f.node} (${f.other})`,
  ),
  docTakesTwo: row<Facts<'given'>>(
    'T2137',
    'compilation',
    (f) => `doc() takes at most two arguments (${f.given} given)`,
  ),
  docMissing: row<Facts<'node' | 'doc' | 'where'>>(
    'T2138',
    'compilation',
    (f) => `Documentation for '${f.node}' depends on doc '${f.doc}' ${f.where} which was not found`,
  ),
  sourceOverriddenTwice: row<Facts<'source' | 'package' | 'fix'>>(
    'T2139',
    'compilation',
    (f) =>
      `dbt found two schema.yml entries for the same source named ${f.source} in package ${f.package}. ` +
      `Sources may only be overridden a single time. To fix this, ${f.fix}`,
  ),
  sameResourceName: row<Facts<'kinds' | 'name' | 'action' | 'call' | 'one' | 'onePath' | 'other' | 'otherPath'>>(
    'T2140',
    'compilation',
    (f) =>
      `dbt found two ${f.kinds} with the name "${f.name}".\n\nSince these resources have the same name, ` +
      `dbt will be unable to find the correct resource\nwhen ${f.action} ${f.call}.\n\nTo fix this, change ` +
      `the name of one of these resources:\n- ${f.one} (${f.onePath})\n- ${f.other} (${f.otherPath})`,
  ),
  configKeyTwice: row<Facts<'written' | 'key'>>(
    'T2513',
    'validation',
    (f) => `Got duplicate keys: (${f.written}, ${f.key}) all map to "${f.key}"`,
  ),
  configNoDictionary: row<Facts<'value'>>('T2514', 'validation', (f) => `expected dict, got ${f.value}`),
  namesWithSpaces: row<Facts<'names' | 'kind'>>(
    'T3038',
    'runtime',
    (f) =>
      `Resource names cannot contain spaces:\n${f.names}\nPlease rename the invalid ${f.kind}(s) so that their ` +
      'name(s) do not contain any spaces.',
  ),
  noSuchProject: row<Facts<'project'>>(
    'T9063',
    'internal',
    (f) => `Project name ${f.project} not found in dependencies`,
  ),
  badSchemaFile: row<Facts<'path' | 'what'>>(
    'T2065',
    'parsing',
    (f) => `The schema file at ${f.path} is invalid because ${f.what}`,
  ),
  entriesNoList: row<Facts<'key' | 'type' | 'value'>>(
    'T2066',
    'parsing',
    (f) => `${f.key} must be a list, got ${f.type} instead: (${f.value})`,
  ),
  badEntry: row<Facts<'key' | 'path' | 'entry' | 'problem'>>(
    'T2067',
    'parsing',
    (f) => `Invalid ${f.key} config given in ${f.path} @ ${f.key}: ${f.entry} - ${f.problem}`,
  ),
  entryWithoutName: row('T2068', 'parsing', () => 'Entry did not contain a name'),
  fixtureRowsNoList: row<Facts<'test' | 'kind' | 'format'>>(
    'T2069',
    'parsing',
    (f) => `Unit test ${f.test} has ${f.kind} rows which do not match format ${f.format}`,
  ),
  fixtureRowsNoText: row<Facts<'test' | 'kind' | 'format'>>(
    'T2070',
    'parsing',
    (f) =>
      `Unit test ${f.test} has ${f.kind} rows or fixtures which do not match format ${f.format}.  ` +
      'Expected string.',
  ),
  fixtureMissing: row<Facts<'fixture' | 'path'>>(
    'T2071',
    'parsing',
    (f) => `File not found for fixture '${f.fixture}' in unit tests in ${f.path}`,
  ),
  seedOfUnitTestMissing: row<Facts<'package' | 'seed' | 'where'>>(
    'T2072',
    'parsing',
    (f) => `Unable to find seed '${f.package}.${f.seed}' for unit tests in ${f.where}`,
  ),
  resourceDescribedTwice: row<Facts<'name' | 'fix'>>(
    'T2141',
    'compilation',
    (f) =>
      `dbt found two schema.yml entries for the same resource named ${f.name}. Resources and their ` +
      `associated columns may only be described a single time. To fix this, ${f.fix}`,
  ),
  macroDescribedTwice: row<Facts<'package' | 'name' | 'fix'>>(
    'T2142',
    'compilation',
    (f) =>
      `dbt found two schema.yml entries for the same macro in package ${f.package} named ${f.name}. ` +
      `Macros may only be described a single time. To fix this, ${f.fix}`,
  ),
  snapshotWithoutKey: row(
    'T2515',
    'validation',
    () => "Snapshots must be configured with a 'strategy' and 'unique_key'.",
  ),
  snapshotWithoutColumns: row(
    'T2516',
    'validation',
    () => 'A snapshot configured with the check strategy must specify a check_cols configuration.',
  ),
  badCheckColumns: row<Facts<'value'>>(
    'T2517',
    'validation',
    (f) => `Invalid value for 'check_cols': ${f.value}. Expected 'all' or a list of strings.`,
  ),
  snapshotWithoutTime: row(
    'T2518',
    'validation',
    () => 'A snapshot configured with the timestamp strategy must specify an updated_at configuration.',
  ),
  timestampWithColumns: row('T2519', 'validation', () => "A 'timestamp' snapshot should not have 'check_cols'"),
  snapshotOtherwiseMaterialized: row(
    'T2520',
    'validation',
    () => "A snapshot must have a materialized value of 'snapshot'",
  ),
  badOwnSetting: row<Facts<'message'>>('T2082', 'parsing', (f) => String(f.message)),
  configsNotJoined: row<Facts<'key' | 'first' | 'second'>>(
    'T2081',
    'parsing',
    (f) => `The config '${f.key}' of this version is ${f.second}, which cannot be merged with the model's, ${f.first}`,
    () => 'Use the same form for both, or remove one of them.',
  ),
  warningsAsErrors: row<Facts<'warnings'>>('T2143', 'compilation', (f) => `${f.warnings}`),
  javascriptFunction: row<Facts<'function' | 'adapter'>>(
    'T2073',
    'parsing',
    (f) => `[ERROR]: Function '${f.function}' uses JavaScript, which is not supported on '${f.adapter}'. `,
  ),
};
