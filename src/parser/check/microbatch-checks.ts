// Runs dbt's checks of microbatch models after parsing, and checks batch sizes that only tsdbt supports. The runner
// computes batches.
import type { Json, ManifestNode, ModelNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { pluralize } from '../../log.ts';
import { ownSettings } from '../../settings/meta-settings.ts';
import { DBT_BATCH_SIZES, parseBatchSize } from '../../state/batches.ts';
import { PyDateTime } from '../../values/datetime.ts';
import type { ConfigDict } from '../config/node-config.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { LinkedTable } from '../table/tables.ts';
import { pyRepr, pyStr, pyTypeText } from '../../values/python-text.ts';

/**
 * Checks every microbatch model.
 * @returns the nodes, with `begin` as a complete datetime
 * @throws {TsdbtError} parsing
 */
export function checkMicrobatchModels(state: ParseState, table: LinkedTable): ReadonlyMap<string, ManifestNode> {
  const { nodes } = table;
  const models = [...nodes.values()].filter(
    (node): node is ModelNode =>
      (node.config as ConfigDict)['incremental_strategy'] === 'microbatch' &&
      node.config.materialized === 'incremental',
  );
  const own = usesOwnMacro(state, table);
  if (own && models.length > 0) {
    state.warnings.warn(
      'MicrobatchMacroOutsideOfBatchesDeprecation',
      'The use of a custom microbatch macro outside of batched execution is deprecated. To use it with batched ' +
        'execution, set `flags.require_batched_execution_for_custom_microbatch_strategy` to `True` in ' +
        '`dbt_project.yml`. In the future this will be the default behavior.',
    );
  }
  if (own) return nodes;
  const checked = new Map<string, ManifestNode>();
  for (const node of models)
    checked.set(node.unique_id, { ...node, config: { ...node.config, begin: checkedBegin(node) } });
  warnOfConcurrency(state, nodes);
  for (const node of models) warnOfInputs(state, table, node);
  return checked.size === 0 ? nodes : new Map([...nodes, ...checked]);
}

/** Whether the project overrides the strategy macro and does not request batches. */
function usesOwnMacro({ config, internalPackages }: ParseState, { macros }: LinkedTable): boolean {
  if (config.flags['require_batched_execution_for_custom_microbatch_strategy'] !== false) return false;
  return [...macros.values()].some(
    (macro) => macro.name === 'get_incremental_microbatch_sql' && !internalPackages.includes(macro.package_name),
  );
}

/** An adapter without concurrent batches runs them sequentially. */
function warnOfConcurrency({ adapter, warnings }: ParseState, nodes: LinkedTable['nodes']): void {
  if (adapter.capabilities.microbatchConcurrency) return;
  let count = 0;
  for (const node of nodes.values()) if ((node.config as ConfigDict)['concurrent_batches'] === true) count++;
  if (count === 0) return;
  warnings.warn(
    'InvalidConcurrentBatchesConfig',
    `Found ${pluralize(count, 'microbatch model')} with the \`concurrent_batches\` config set to true, but the ` +
      `${adapter.type} adapter does not support running batches concurrently. Batches will be run sequentially.`,
    { num_models: count, adapter_type: adapter.type },
  );
}

/** Checks the settings of a model. @returns `begin` as a complete datetime */
function checkedBegin(node: ModelNode): string | null {
  const config = node.config as ConfigDict;
  const fail = (rest: string): never => {
    throw errorOf('badMicrobatch', { model: node.name, what: rest }, { path: node.original_file_path });
  };
  const { event_time, begin, batch_size, lookback, concurrent_batches } = config;
  if (event_time === null)
    fail("must provide an 'event_time' (string) config that indicates the name of the event time column.");
  if (typeof event_time !== 'string')
    fail(`must provide an 'event_time' config of type string, but got: ${pyTypeText(event_time)}.`);
  if (begin === null)
    fail(
      "must provide a 'begin' (datetime) config that indicates the earliest timestamp the microbatch model " +
        'should be built from.',
    );
  if (typeof begin !== 'string') fail(`must provide a 'begin' config of type datetime, but got: ${pyTypeText(begin)}.`);
  const start = isoDateTime(begin as string);
  if (start === null) fail(`must provide a 'begin' config of valid datetime (ISO format), but got: ${pyStr(begin)}.`);
  for (const size of [batch_size, ownSettings(node)['batch_size'] ?? batch_size]) {
    const parsed = parseBatchSize(size);
    if (parsed === null)
      fail(
        `must provide a 'batch_size' config that is one of ${pyRepr([...DBT_BATCH_SIZES])}, but got: ` +
          `${pyStr(size as Json)}.`,
      );
    if (typeof parsed === 'string')
      fail(
        `has a 'batch_size' that cannot be used: ${parsed}. Minutes and hours must: 1m, 5m, 15m, 30m, 2h, 6h ` +
          'and the like do.',
      );
  }
  if (lookback !== null && !(typeof lookback === 'number' && Number.isInteger(lookback))) {
    fail(`must provide the optional 'lookback' config as type int, but got: ${pyTypeText(lookback)}).`);
  }
  if (concurrent_batches !== null && typeof concurrent_batches !== 'boolean') {
    fail(
      "optional 'concurrent_batches' config must be of type `bool` if specified, but got: " +
        `${pyTypeText(concurrent_batches)}).`,
    );
  }
  return start;
}

function warnOfInputs(state: ParseState, { nodes, sources }: LinkedTable, node: ModelNode): void {
  const inputs = node.depends_on.nodes.map((id) => nodes.get(id) ?? sources.get(id));
  if (!inputs.some((input) => Boolean((input?.config as ConfigDict | undefined)?.['event_time']))) {
    state.warnings.warn(
      'MicrobatchModelNoEventTimeInputs',
      `The microbatch model '${node.name}' has no 'ref' or 'source' input with an 'event_time' configuration. ` +
        '\nThis means no filtering can be applied and can result in unexpected duplicate records in the ' +
        'resulting microbatch model.',
      { model_name: node.name },
    );
  }
}

/** Parses and formats a datetime as Python does. A date means midnight. */
function isoDateTime(text: string): string | null {
  for (const form of [text, `${text}T00:00:00`]) {
    try {
      return PyDateTime.fromIso(form).isoformat();
    } catch {
      // The text does not have this form.
    }
  }
  return null;
}
