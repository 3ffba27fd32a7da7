// Converts the semantic layer on a model's entry (`semantic_model:`, `dimension:` and `entity:` of columns,
// `derived_semantics:`, `metrics:`) to entries that semantic-layer.ts reads.
import type { Json } from '../../contracts/node.ts';
import { isDict } from '../../project/schema-check.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedModel } from '../table/phases.ts';
import { addMetric, addSemanticModel } from '../read/semantic-layer.ts';
import type { YamlDict, YamlEntry } from '../read/yaml-entries.ts';

/** Adds a model's semantic model and metrics, if it has any. @param data the model's entry */
export function addModelSemantics(tools: PatchTools, entry: YamlEntry, model: PatchedModel, data: YamlDict): void {
  const setting = data['semantic_model'] ?? null;
  if (setting === null || setting === false || (isDict(setting) && setting['enabled'] === false)) return;
  const own: YamlDict = isDict(setting) ? setting : {};
  const derived: YamlDict = isDict(data['derived_semantics']) ? data['derived_semantics'] : {};
  const columns = Object.values(model.columns) as unknown as YamlDict[];
  const name = typeof own['name'] === 'string' ? own['name'] : model.name;
  const time = data['agg_time_dimension'] ?? null;
  addSemanticModel(tools, {
    ...entry,
    data: {
      name,
      description: model.description,
      model: `ref('${model.name}')`,
      defaults: { agg_time_dimension: time },
      primary_entity: data['primary_entity'] ?? null,
      // The other settings apply only together with a `config:`, as in dbt.
      config: isDict(own['config'])
        ? {
            meta: own['config']['meta'] ?? {},
            enabled: own['enabled'] ?? true,
            ...(own['group'] ? { group: own['group'] } : {}),
          }
        : {},
      entities: [...columns.flatMap(columnEntity), ...((derived['entities'] ?? []) as YamlDict[])] as Json,
      dimensions: [
        ...columns.flatMap(columnDimension),
        ...((derived['dimensions'] ?? []) as YamlDict[]).map(derivedDimension),
      ] as Json,
    },
  });
  for (const metric of (data['metrics'] ?? []) as YamlDict[])
    addMetric(tools, entry, metric, { semanticModel: name, timeDimension: time });
}

const metaOf = (part: YamlDict): YamlDict =>
  isDict(part['config']) && isDict(part['config']['meta']) ? part['config']['meta'] : {};

function columnDimension(column: YamlDict): YamlDict[] {
  const { dimension = null, name = null, granularity = null } = column;
  if (!isDict(dimension))
    return dimension === null
      ? []
      : [{ name, type: dimension, description: column['description'] ?? null, config: { meta: metaOf(column) } }];
  return [
    {
      ...dimension,
      description: dimension['description'] || (column['description'] ?? null),
      expr: dimension['name'] === name ? null : name,
      type_params:
        granularity === null
          ? null
          : { time_granularity: granularity, validity_params: dimension['validity_params'] ?? null },
      config: { meta: { ...metaOf(column), ...metaOf(dimension) } },
    },
  ];
}

function columnEntity(column: YamlDict): YamlDict[] {
  const { entity = null, name = null } = column;
  if (!isDict(entity))
    return entity === null
      ? []
      : [{ name, type: entity, description: column['description'] ?? null, config: { meta: metaOf(column) } }];
  const named = isDict(entity['config']) && 'meta' in entity['config'];
  return [
    { ...entity, expr: entity['name'] === name ? null : name, config: { meta: metaOf(named ? entity : column) } },
  ];
}

function derivedDimension(dimension: YamlDict): YamlDict {
  const { granularity = null, validity_params: validity = null } = dimension;
  const params = isDict(validity)
    ? { is_start: validity['is_start'] ?? false, is_end: validity['is_end'] ?? false }
    : null;
  return {
    ...dimension,
    type_params: granularity === null ? null : { time_granularity: granularity, validity_params: params },
  };
}
