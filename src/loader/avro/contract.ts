// The contract on a topic: every live version of its schema in the registry against the declared columns. `load check`
// shows what would break before a message does.
import type { FitOf } from '../column-fit.ts';
import type { LoadTarget } from '../load-target.ts';
import type { RegisteredSchema, SchemaRegistry } from '../schema-registry.ts';
import { narrowing, typeName } from './fit.ts';
import { article, filledBy, type Resolution, resolve, sqlFits } from './resolve.ts';
import { parseSchema } from './schema.ts';

type ContractTarget = Pick<
  LoadTarget,
  'topic' | 'mode' | 'key' | 'columns' | 'drop' | 'hash' | 'partitionBy' | 'storage'
>;

/** What is known of the table's columns. */
export interface ContractColumns {
  /** What they take, by their types; absent: types are SQL's. */
  readonly fits?: FitOf;
  /** Columns that the table fills where a message has no value. */
  readonly filled?: ReadonlySet<string>;
}

/**
 * @returns which messages, by version and field, could not become rows, in words; empty also without a schema
 * @throws what the registry's client throws
 */
export async function contractProblems(
  registry: Pick<SchemaRegistry, 'versions'>,
  target: ContractTarget,
  columns: ContractColumns = {},
): Promise<string[]> {
  const versions = await registry.versions(`${target.topic}-value`);
  return versions.flatMap(({ version, schema }) =>
    breaches(schema, target, columns).map((why) => `schema version ${version}: ${why}`),
  );
}

function breaches(
  { schema, type, references }: RegisteredSchema,
  target: ContractTarget,
  columns: ContractColumns,
): string[] {
  if (type !== 'AVRO') return [`it is ${type}, and the load config says avro`];
  try {
    const parsed = parseSchema(schema, references);
    if (parsed.kind !== 'record')
      return [`it is ${article(typeName(parsed))}, and only a record has fields for columns`];
    const resolution = resolve(parsed, target);
    return [...unfitting(resolution, target, columns), ...missing(resolution, target, columns)];
  } catch (error) {
    return [`it cannot be used: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Fields whose values, or some of them, their columns do not hold. */
function unfitting(resolution: Resolution, target: ContractTarget, { fits = sqlFits }: ContractColumns): string[] {
  return filledBy(resolution).flatMap(({ place, type, column }) => {
    if (target.hash.includes(column.name)) return [];
    const why = narrowing(type, fits(target, column));
    const found = `field '${place}' is ${article(typeName(type))}`;
    return why === null ? [] : [`${found}, and column '${column.name}' is ${column.type}: ${why}`];
  });
}

/** Columns that a row cannot do without, where a message may lack them. */
function missing(resolution: Resolution, target: ContractTarget, columns: ContractColumns): string[] {
  const { mode, key, partitionBy } = target;
  const { fits = sqlFits, filled: byTable = NONE } = columns;
  const needed = new Map<string, string>();
  for (const column of target.columns)
    if (fits(target, column)?.required === true && !byTable.has(column.name))
      needed.set(column.name, `${column.untyped === true ? 'a text' : column.type}, which takes no null`);
  if (partitionBy !== null) needed.set(partitionBy.column, 'the partition column');
  if (mode === 'upsert') for (const name of key) needed.set(name, 'a key');
  const filled = filledBy(resolution);
  return [...needed].flatMap(([name, what]) => {
    const found = filled.find(({ column }) => column.name === name);
    if (found !== undefined)
      return found.nullable ? [`field '${found.place}' may be null, and '${name}' is ${what}`] : [];
    return resolution.missing.some((column) => column.name === name)
      ? [`it has no field for '${name}', which is ${what}`]
      : [];
  });
}

const NONE: ReadonlySet<string> = new Set();
