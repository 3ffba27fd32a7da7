// Compares every live version of a topic's schema in the registry with the declared columns. `load check` thus reports
// problems before a message causes them.
import type { FitOf } from '../settings/type-fit.ts';
import { type LoadTarget, PROCESSING_TS } from '../settings/load-target.ts';
import type { RegisteredSchema, SchemaRegistry } from '../formats/schema-registry.ts';
import { narrowing, typeName } from '../formats/avro/avro-fit.ts';
import { article, filledBy, type Resolution, resolve, sqlFits } from '../formats/avro/schema-resolution.ts';
import { parseSchema } from '../formats/avro/avro-schema.ts';

type ContractTarget = Pick<
  LoadTarget,
  'topic' | 'mode' | 'key' | 'columns' | 'drop' | 'hash' | 'partitionBy' | 'storage'
>;

/** What is known about the table's columns. */
export interface ContractColumns {
  /** What they accept, by their types; absent: types are SQL's. */
  readonly fits?: FitOf;
  /** Columns that the table fills if a message has no value. */
  readonly filled?: ReadonlySet<string>;
}

/** Findings about a topic's messages, by version and field. */
export interface Contract {
  /** Messages that could not become rows, or only with losses. */
  readonly problems: readonly string[];
  /** Values that may exceed a column's range; ordinary values fit. */
  readonly notes: readonly string[];
}

/**
 * @returns empty for a topic without a schema
 * @throws errors of the registry's client
 */
export async function contractOf(
  registry: Pick<SchemaRegistry, 'versions'>,
  target: ContractTarget,
  columns: ContractColumns = {},
): Promise<Contract> {
  const versions = await registry.versions(`${target.topic}-value`);
  const found = versions.map(({ version, schema }) => {
    const { problems, notes } = breaches(schema, target, columns);
    const told = (why: string): string => `schema version ${version}: ${why}`;
    return { problems: problems.map(told), notes: notes.map(told) };
  });
  return { problems: found.flatMap(({ problems }) => problems), notes: found.flatMap(({ notes }) => notes) };
}

function breaches(
  { schema, type, references }: RegisteredSchema,
  target: ContractTarget,
  columns: ContractColumns,
): Contract {
  const only = (problem: string): Contract => ({ problems: [problem], notes: [] });
  if (type !== 'AVRO') return only(`it is ${type}, and the load config says avro`);
  try {
    const parsed = parseSchema(schema, references);
    if (parsed.kind !== 'record')
      return only(`it is ${article(typeName(parsed))}, and only a record has fields for columns`);
    const resolution = resolve(parsed, target);
    const { problems, notes } = unfitting(resolution, target, columns);
    return { problems: [...problems, ...missing(resolution, target, columns)], notes };
  } catch (error) {
    return only(`it cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Fields with values that their columns cannot hold. */
function unfitting(resolution: Resolution, target: ContractTarget, { fits = sqlFits }: ContractColumns): Contract {
  const [problems, notes]: [string[], string[]] = [[], []];
  for (const { place, type, column } of filledBy(resolution)) {
    const found = target.hash.includes(column.name) ? null : narrowing(type, fits(target, column));
    if (found !== null)
      (found.range ? notes : problems).push(
        `field '${place}' is ${article(typeName(type))}, and column '${column.name}' is ${column.type}: ${found.why}`,
      );
  }
  return { problems, notes };
}

/** Columns that every row needs and that a message may lack. */
function missing(resolution: Resolution, target: ContractTarget, columns: ContractColumns): string[] {
  const { mode, key, partitionBy } = target;
  const { fits = sqlFits, filled: byTable = NONE } = columns;
  const needed = new Map<string, string>();
  for (const column of target.columns)
    if (column.name !== PROCESSING_TS && !byTable.has(column.name) && fits(target, column)?.required === true)
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
