// The staging table of a partitioned copy: unchanged partitions are attached as hard links, changed ones are loaded
// from the source. One exchange at the end of a publication shows readers all changes at once.
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import { ANY_SIZE, attachAll } from '../../adapters/clickhouse/beside.ts';
import { LONG_QUERY } from '../../adapters/clickhouse/long-query.ts';
import { TsdbtError } from '../../errors.ts';
import type { PartitionKey } from '../../settings/partition-key.ts';
import type { Partition } from '../publication-target.ts';
import { type Ended, partitionKeysOf } from '../retention.ts';
import { inPartitions, partitionText, readPartitionTuple } from './partition-sql.ts';
import { sumOfMarks } from './row-hashes.ts';
import { countRows, createStage, loadStage, type Stage } from './stage.ts';

/**
 * The server's error codes for a different structure, partition key or order: parts of such tables cannot be attached.
 */
const OTHER_STRUCTURE: ReadonlySet<string> = new Set(['36', '122']);

/** Partitions dropped per statement, because the length of a query is limited. */
const AT_ONCE = 1000;

/** The previous copy. */
export interface Before {
  /** As SQL. */
  readonly name: string;
  /** Marks of its partitions by their values as JSON; empty if it was partitioned by other keys. */
  readonly parts: Readonly<Record<string, string>>;
}

export interface PartitionStage {
  /** Null: there is no previous copy. */
  readonly before: Before | null;
  /** Partitions of the source, without expired ones. */
  readonly partitions: readonly Partition[];
  /** Number of partitions in the source. */
  readonly found: number;
  readonly ended: Ended | null;
}

/** Creates and fills the stage. @returns what was sent, and the marks of its partitions */
export async function stagePartitions(
  stage: Stage,
  { before, partitions, found, ended }: PartitionStage,
): Promise<{
  readonly changed: readonly Partition[];
  readonly mark: string | null;
  readonly parts: Readonly<Record<string, string>>;
}> {
  const parts = partitionKeysOf(stage.publishing);
  const marks = before?.parts ?? {};
  const changed = partitions.filter(({ values, mark }) => marks[JSON.stringify(values)] !== mark);
  await createStage(stage, parts);
  if (before !== null) await keepOthers(stage, { before, parts, changed, ended });
  const sent = changed.reduce((sum, { rows }) => sum + rows, 0);
  const choice = { parts, partitions: changed, all: changed.length === found };
  return {
    changed,
    mark: changed.length > 0 ? await loadStage(stage, choice, sent) : sumOfMarks([]),
    parts: {
      // Marks of expired partitions are forgotten: a longer retention sends them again.
      ...Object.fromEntries(Object.entries(marks).filter(([values]) => ended?.has(JSON.parse(values)) !== true)),
      ...Object.fromEntries(partitions.map(({ values, mark }) => [JSON.stringify(values), mark])),
    },
  };
}

interface Keeping {
  readonly before: Before;
  readonly parts: readonly PartitionKey[];
  /** Partitions that are loaded from the source. */
  readonly changed: readonly Partition[];
  readonly ended: Ended | null;
}

async function keepOthers(stage: Stage, { before, parts, changed, ended }: Keeping): Promise<void> {
  const { session, staged, plan } = stage;
  if ((await countRows(session, before.name)) === 0) return;
  try {
    await attachAll(session, staged, before.name);
  } catch (error) {
    if (!isOtherStructure(error)) throw error;
    const over = ended === null ? '0' : `ifNull(${partitionText(ended.key)} < ${quoteText(ended.first)}, 0)`;
    const columns = plan.map(({ name }) => quoteIdentifier(name)).join(', ');
    await session.execute(
      `INSERT INTO ${staged} (${columns}) SETTINGS max_partitions_per_insert_block = 0 SELECT ${columns} FROM ` +
        `${before.name} t WHERE NOT ${inPartitions({ parts, partitions: changed })} AND NOT ${over}`,
      { settings: LONG_QUERY },
    );
    return;
  }
  const replaced = new Set(changed.map(({ values }) => JSON.stringify(values)));
  const { table } = await session.execute(
    `SELECT _partition_id, toJSONString(any(_partition_value)) FROM ${staged} GROUP BY _partition_id`,
    { fetch: true },
  );
  const gone = table.rows.flatMap((row) => {
    const values = readPartitionTuple(row.textAt(1));
    return replaced.has(JSON.stringify(values)) || ended?.has(values) === true ? [row.textAt(0)] : [];
  });
  for (let from = 0; from < gone.length; from += AT_ONCE) {
    const drops = gone.slice(from, from + AT_ONCE).map((id) => `DROP PARTITION ID ${quoteText(id)}`);
    await session.execute(`ALTER TABLE ${staged} ${drops.join(', ')}${ANY_SIZE}`);
  }
}

function isOtherStructure(error: unknown): boolean {
  return error instanceof TsdbtError && OTHER_STRUCTURE.has(String(error.details.code));
}
