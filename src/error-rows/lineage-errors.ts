// Errors of column lineage.
import { type Facts, row } from './row.ts';

export const LINEAGE_ERRORS = {
  lineageWithoutModel: row(
    'T1040',
    'usage',
    () => 'Error: Missing argument: MODEL or MODEL.COLUMN.',
    () => 'Example: tsdbt lineage orders.amount --up',
  ),
  captureRows: row<Facts<'rows'>>('T1046', 'usage', (f) => `Error: --rows must be 1 or more, found ${f.rows}.`),
  captureNoModel: row<Facts<'node'>>('T1047', 'usage', (f) => `Only SQL models have unit tests; found ${f.node}.`),
  captureWithoutInputs: row<Facts<'model'>>('T1048', 'usage', (f) => `'${f.model}' reads no model, seed or source.`),
  captureUnknownInput: row<Facts<'input' | 'known'>>(
    'T1049',
    'usage',
    (f) => `--where names the input '${f.input}', which the model does not read.`,
    (f) => `Inputs: ${f.known}`,
  ),
  lineageBothWays: row('T1041', 'usage', () => 'Error: --up and --down cannot be used together.'),
  lineageUnknownNode: row<Facts<'name' | 'similar'>>(
    'T1042',
    'usage',
    (f) => `Error: '${f.name}' is not a model, snapshot, seed or source of the project.`,
    (f) => (f.similar === '' ? 'Names of nodes: tsdbt ls --output name' : `Did you mean ${f.similar}?`),
  ),
  lineageUnknownColumn: row<Facts<'node' | 'column' | 'similar'>>(
    'T1043',
    'usage',
    (f) => `Error: ${f.node} has no column '${f.column}'.`,
    (f) => (f.similar === '' ? `Columns: tsdbt lineage ${f.node}` : `Did you mean ${f.similar}?`),
  ),
  columnsNotAnalyzed: row<Facts<'criterion'>>(
    'T1045',
    'usage',
    (f) => `Error: '${f.criterion}' cannot be used here, because columns are not analyzed.`,
    () => 'Use the option --select of a command, or name the selected nodes.',
  ),
  lineageDialect: row<Facts<'type' | 'covered'>>(
    'T3091',
    'runtime',
    (f) => `Column lineage covers ${f.covered} so far; the target is ${f.type}.`,
  ),
  impactWithoutState: row(
    'T1044',
    'usage',
    () => 'Error: Missing option --state: the folder with the manifest.json to compare with.',
    () => 'Example: tsdbt impact --state prod-artifacts',
  ),
  impactNotCompiled: row<Facts<'folder' | 'nodes'>>(
    'T3093',
    'runtime',
    (f) => `The manifest.json in ${f.folder} has no compiled SQL of ${f.nodes}.`,
    () => 'Write it with `tsdbt compile` or `tsdbt build` for the whole project, at the version to compare with.',
  ),
  policyViolated: row<Facts<'target' | 'column' | 'tag' | 'path' | 'why'>>(
    'T2083',
    'compilation',
    (f) =>
      `column "${f.column}" carries the tag "${f.tag}", which ${f.target} may not hold` +
      `${f.why === '' ? '' : `: ${f.why}`}\n${f.path}`,
    (f) =>
      `Mask the value, add the target to allowed_in in policies.yml, or clear the column with a reason: ` +
      `meta: {tsdbt: {cleared: {${f.tag}: …}}}.`,
  ),
  badSourceLock: row<Facts<'why'>>(
    'T1219',
    'project',
    (f) => `sources.lock.json is invalid: ${f.why}`,
    () => 'Write it again: tsdbt sources sync',
  ),
  lineageParserMissing: row<Facts<'package'>>(
    'T3092',
    'runtime',
    (f) => `This command needs the package ${f.package}, which is not installed.`,
    (f) => `Install it next to tsdbt: npm install ${f.package}`,
  ),
};
