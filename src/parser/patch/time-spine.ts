// The time spine of a model: its shape in the manifest, and what it must name. Leaves use of it to the semantic layer.
import type { Json } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from '../../project/schema-check.ts';
import { pyRepr } from '../../values/python-text.ts';
import type { YamlDict } from '../read/yaml-entries.ts';
import type { ColumnEntry } from '../read/yaml-shapes.ts';

export function newTimeSpine(data: Json | undefined): Json {
  if (!isDict(data)) return null;
  return {
    standard_granularity_column: data['standard_granularity_column'] ?? null,
    custom_granularities: granularitiesOf(data).map((each) => ({
      name: each['name'] ?? null,
      column_name: each['column_name'] ?? null,
    })),
  };
}

/** @throws TsdbtError `parsing` when a column that the time spine names is missing or has no granularity */
export function checkTimeSpine(
  model: string,
  spine: YamlDict,
  columns: readonly ColumnEntry[],
  ofLatestVersion: boolean,
): void {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const names = pyRepr([...byName.keys()]);
  const standard = spine['standard_granularity_column'];
  if (typeof standard !== 'string')
    throw new TsdbtError(
      'parsing',
      `The time spine of model '${model}' has to name its 'standard_granularity_column', a text`,
    );
  const column = byName.get(standard);
  if (column === undefined) {
    throw new TsdbtError(
      'parsing',
      'Time spine standard granularity column must be defined on the model. Got invalid column name ' +
        `'${standard}' for model '${model}'. Valid names${ofLatestVersion ? ' for latest version' : ''}: ` +
        `${names}.`,
    );
  }
  if (!column.granularity) {
    throw new TsdbtError(
      'parsing',
      'Time spine standard granularity column must have a granularity defined. Please add one for column ' +
        `'${standard}' in model '${model}'.`,
    );
  }
  const missing = granularitiesOf(spine)
    .map((each) => each['column_name'] || each['name'])
    .filter((name) => typeof name !== 'string' || !byName.has(name));
  if (missing.length > 0) {
    throw new TsdbtError(
      'parsing',
      `Time spine custom granularity columns do not exist in the model. Columns not found: ${pyRepr(missing)}; ` +
        `Available columns: ${names}`,
    );
  }
}

function granularitiesOf(spine: YamlDict): YamlDict[] {
  const list = spine['custom_granularities'];
  return Array.isArray(list) ? list.map((each) => (isDict(each) ? each : {})) : [];
}
