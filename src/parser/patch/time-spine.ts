// Builds the time spine of a model in the manifest's shape and checks its columns. The semantic layer uses it.
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
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

/** @throws TsdbtError `parsing` when a column of the time spine is missing or has no granularity */
export function checkTimeSpine(
  model: string,
  spine: YamlDict,
  columns: readonly ColumnEntry[],
  ofLatestVersion: boolean,
): void {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const names = pyRepr([...byName.keys()]);
  const standard = spine['standard_granularity_column'];
  if (typeof standard !== 'string') throw errorOf('timeSpineWithoutColumn', { model });
  const column = byName.get(standard);
  if (column === undefined) {
    throw errorOf('timeSpineColumnMissing', {
      column: standard,
      model,
      which: ofLatestVersion ? ' for latest version' : '',
      names,
    });
  }
  if (!column.granularity) {
    throw errorOf('timeSpineWithoutGranularity', { column: standard, model });
  }
  const missing = granularitiesOf(spine)
    .map((each) => each['column_name'] || each['name'])
    .filter((name) => typeof name !== 'string' || !byName.has(name));
  if (missing.length > 0) {
    throw errorOf('granularityColumnsMissing', { columns: pyRepr(missing), names });
  }
}

function granularitiesOf(spine: YamlDict): YamlDict[] {
  const list = spine['custom_granularities'];
  return Array.isArray(list) ? list.map((each) => (isDict(each) ? each : {})) : [];
}
