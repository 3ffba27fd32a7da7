// Errors of the graph: criteria, selectors.yml, state comparison, unknown nodes.
import { type Facts, row } from './row.ts';

export const SELECTION_ERRORS = {
  badSelectorSpec: row<Facts<'spec'>>('T1420', 'selector', (f) => `Invalid selector spec "${f.spec}"`),
  selectorWithoutValue: row<Facts<'spec'>>(
    'T1421',
    'selector',
    (f) => `Invalid node spec "${f.spec}" - no search value!`,
  ),
  incompatibleOperators: row<Facts<'spec'>>(
    'T1422',
    'selector',
    (f) => `Invalid node spec ${f.spec} - "@" prefix and "+" suffix are incompatible`,
  ),
  unknownMethod: row<Facts<'method' | 'known'>>(
    'T1423',
    'selector',
    (f) => `'${f.method}' is not a valid method name`,
    (f) => `${f.known}`,
  ),
  badDepth: row<Facts<'depth'>>(
    'T1424',
    'selector',
    (f) => `Invalid node spec - could not handle parent depth ${f.depth}`,
  ),
  badIndirectSelection: row<Facts<'mode'>>('T1425', 'selector', (f) => `'${f.mode}' is not a valid IndirectSelection`),
  twoDefaultSelectors: row<Facts<'one' | 'two'>>(
    'T1426',
    'selector',
    (f) =>
      `Error when parsing the selector file. Found multiple selectors with \`default: true\`:${f.one} and ${f.two}`,
  ),
  badSelectorFile: row<Facts<'data'>>(
    'T1427',
    'selector',
    (f) =>
      `Could not parse selector file data: \n${f.data}\nValid root-level selector definitions: union, ` +
      'intersection, string, dictionary. No lists. \n' +
      'https://docs.getdbt.com/reference/node-selection/yaml-selectors',
  ),
  badSelectorDefinition: row<Facts<'found'>>(
    'T1428',
    'selector',
    (f) => `Expected to find union, intersection, str or dict, instead found ${f.found}`,
  ),
  twoRootOperators: row<Facts<'keys'>>(
    'T1429',
    'selector',
    (f) =>
      "Only a single 'union' or 'intersection' key is allowed in a root level selector definition; found " +
      `${f.keys}.`,
  ),
  twoExclusions: row<Facts<'part'>>(
    'T1430',
    'selector',
    (f) => `You cannot provide multiple exclude arguments to the same selector set operator:\n${f.part}`,
  ),
  badSelectorKeys: row<Facts<'keys'>>(
    'T1431',
    'selector',
    (f) => `Expected either 1 key or else "method" and "value" keys, but got [${f.keys}]`,
  ),
  selectorValueNoList: row<Facts<'key'>>(
    'T1432',
    'selector',
    (f) => `Invalid value for key "${f.key}". Expected a list.`,
  ),
  badSelectorValue: row<Facts<'key' | 'value'>>(
    'T1433',
    'selector',
    (f) => `Invalid value type in key "${f.key}", expected dict or str (value: ${f.value}).`,
  ),
  badSourceCriterion: row<Facts<'value'>>(
    'T1434',
    'selector',
    (f) =>
      `Invalid source selector value "${f.value}". Sources must be of the form \`\${source_name}\`, ` +
      '`${source_name}.${target_name}`, or `${package_name}.${source_name}.${target_name}',
  ),
  absolutePathCriterion: row<Facts<'pattern'>>(
    'T1435',
    'selector',
    (f) => `Non-relative patterns are unsupported: ${f.pattern}`,
  ),
  badResourceType: row<Facts<'value'>>('T1436', 'selector', (f) => `Invalid resource_type selector "${f.value}"`),
  badNamedCriterion: row<Facts<'what' | 'value' | 'form'>>(
    'T1437',
    'selector',
    (f) => `Invalid ${f.what} selector value "${f.value}". ${f.form}`,
  ),
  badTestType: row<Facts<'value'>>(
    'T1438',
    'selector',
    (f) => `Invalid test type selector ${f.value}: expected "generic", "singular", "unit", or "data"`,
  ),
  badVersionKind: row<Facts<'value'>>(
    'T1439',
    'selector',
    (f) => `Invalid version type selector ${f.value}: expected one of: "latest", "prerelease", "old", or "none"`,
  ),
  noSuchSelector: row<Facts<'selector' | 'selectors'>>(
    'T1440',
    'selector',
    (f) => `Could not find selector named ${f.selector}, expected one of [${f.selectors}]`,
  ),
  noSelectorFile: row('T1441', 'selector', () => 'Cannot use selector: method if selectors.yml is not provided'),
  noSelectorMatches: row<Facts<'pattern'>>(
    'T1442',
    'selector',
    (f) => `Selector '${f.pattern}' did not match any selector in selectors.yml`,
  ),
  selectorCycle: row<Facts<'cycle'>>(
    'T1443',
    'selector',
    (f) => `Circular dependency detected in selector: ${f.cycle}`,
  ),
  noComparisonManifest: row<Facts<'hint'>>(
    'T1444',
    'selector',
    () => 'Got a state selector method, but no comparison manifest',
    (f) => `${f.hint}`,
  ),
  badStateCriterion: row<Facts<'value' | 'values'>>(
    'T1445',
    'selector',
    (f) => `Got an invalid selector "${f.value}", expected one of "[${f.values}]"`,
  ),
  noComparisonResults: row('T1446', 'selector', () => 'No comparison run_results'),
  noPreviousFreshness: row('T1447', 'selector', () => 'No previous state comparison freshness results in sources.json'),
  noCurrentFreshness: row('T1448', 'selector', () => 'No current state comparison freshness results in sources.json'),
  selectorFileRefused: row<Facts<'why'>>('T1449', 'selector', (f) => `Could not read selector file data: ${f.why}`),
  breakingChange: row<Facts<'reasons'>>(
    'T2401',
    'contractChange',
    (f) =>
      'While comparing to previous project state, dbt detected a breaking change to an enforced contract.\n  ' +
      `- ${f.reasons}\nConsider making an additive (non-breaking) change instead, if possible.\n` +
      'Otherwise, create a new model version: https://docs.getdbt.com/docs/collaborate/govern/model-versions',
  ),
  testMacroMissing: row<Facts<'node' | 'path'>>(
    'T2150',
    'compilation',
    (f) =>
      `Node '${f.node}' (in ${f.path}) depends on a macro or test that does not exist. ` +
      'This can happen when a macro or generic test is removed but is still referenced. ' +
      "Check for typos and/or install package dependencies with 'dbt deps'.",
  ),
  parentNotInGraph: row<Facts<'node' | 'parent'>>(
    'T2151',
    'compilation',
    (f) => `'${f.node}' depends on '${f.parent}' which is not in the graph!`,
  ),
  cycleOfNodes: row<Facts<'cycle'>>('T2152', 'compilation', (f) => `Found a cycle: ${f.cycle}`),
  nodeNotInGraph: row<Facts<'node'>>('T9050', 'internal', (f) => `Node ${f.node} not found in the graph!`),
};
