// The contract on a topic: every live version of its schema in the registry against the declared columns. `load check`
// shows what would break before a message does.
import type { LoadTarget } from '../load-target.ts';
import type { RegisteredSchema, SchemaRegistry } from '../schema-registry.ts';
import { narrowing, typeName } from './fit.ts';
import { article, filledBy, type Resolution, resolve } from './resolve.ts';
import { parseSchema } from './schema.ts';

type ContractTarget = Pick<LoadTarget, 'topic' | 'mode' | 'key' | 'columns' | 'drop' | 'hash' | 'partitionBy'>;

/**
 * @returns which messages, by version and field, could not become rows, in words; empty also without a schema
 * @throws what the registry's client throws
 */
export async function contractProblems(
  registry: Pick<SchemaRegistry, 'versions'>,
  target: ContractTarget,
): Promise<string[]> {
  const versions = await registry.versions(`${target.topic}-value`);
  return versions.flatMap(({ version, schema }) =>
    breaches(schema, target).map((why) => `schema version ${version}: ${why}`),
  );
}

function breaches({ schema, type, references }: RegisteredSchema, target: ContractTarget): string[] {
  if (type !== 'AVRO') return [`it is ${type}, and the load config says avro`];
  try {
    const parsed = parseSchema(schema, references);
    if (parsed.kind !== 'record')
      return [`it is ${article(typeName(parsed))}, and only a record has fields for columns`];
    const resolution = resolve(parsed, target);
    return [...unfitting(resolution, target), ...missing(resolution, target)];
  } catch (error) {
    return [`it cannot be used: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Fields whose values, or some of them, their columns do not hold. */
function unfitting(resolution: Resolution, { hash }: ContractTarget): string[] {
  return filledBy(resolution).flatMap(({ place, type, column }) => {
    if (hash.includes(column.name)) return [];
    const why = narrowing(type, column.type);
    const found = `field '${place}' is ${article(typeName(type))}`;
    return why === null ? [] : [`${found}, and column '${column.name}' is ${column.type}: ${why}`];
  });
}

/** Columns that a row cannot do without, where a message may lack them. */
function missing(resolution: Resolution, { mode, key, partitionBy }: ContractTarget): string[] {
  const needed = [
    ...(mode === 'upsert' ? key.map((name) => [name, 'a key'] as const) : []),
    ...(partitionBy === null || (mode === 'upsert' && key.includes(partitionBy.column))
      ? []
      : [[partitionBy.column, 'the partition column'] as const]),
  ];
  const filled = filledBy(resolution);
  return needed.flatMap(([name, what]) => {
    const found = filled.find(({ column }) => column.name === name);
    if (found !== undefined)
      return found.nullable ? [`field '${found.place}' may be null, and '${name}' is ${what}`] : [];
    return resolution.missing.some((column) => column.name === name)
      ? [`it has no field for '${name}', which is ${what}`]
      : [];
  });
}
