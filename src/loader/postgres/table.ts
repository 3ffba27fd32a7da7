// DDL of a loaded table in Postgres: columns, the loader's own columns, key, partitions by day or week. sink.ts runs
// it.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { relationOf } from './load-offsets.ts';
import { type LoadColumn, type LoadTarget, metaColumns, PROCESSING_TS } from '../settings/load-target.ts';

const DAY = 86_400_000;
/** Rows farther from now than this stay in the default partition. */
const FAR_PAST_DAYS = 400;
/** Maximum number of partitions dropped in one step: after a mistake in settings or clocks something is left. */
export const MOST_DROPPED = 31;
/** Maximum number of rows in the default partition deleted in one step. */
export const MOST_PRUNED = 200_000;
const AHEAD_DAYS = 3;

/** One partition: `from` inclusive, `to` exclusive, both milliseconds since 1970 at midnight UTC. */
export interface TablePartition {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export function tableName(target: LoadTarget): string {
  return relationOf(target);
}

/** `create table` and related statements, in order. */
export function createTable(target: LoadTarget): string[] {
  const { key, partitionBy, rest, columns } = target;
  const lines = columns.map(
    ({ name, type }) => `  ${quoteIdentifier(name)} ${type}${name === PROCESSING_TS ? ' default now()' : ''}`,
  );
  if (rest !== null) lines.push(`  ${quoteIdentifier(rest)} jsonb`);
  for (const column of metaColumns(target)) lines.push(`  ${metaColumn(column)}`);
  if (key.length > 0) lines.push(`  primary key (${key.map(quoteIdentifier).join(', ')})`);
  const name = tableName(target);
  const statements = [
    `create schema if not exists ${quoteIdentifier(target.schema)}`,
    `create table if not exists ${name} (\n${lines.join(',\n')}\n` +
      `)${partitionBy === null ? '' : ` partition by range (${quoteIdentifier(partitionBy.column)})`}`,
    `create index if not exists ${quoteIdentifier(indexName(target))} on ${name} using brin (_offset) with ` +
      '(pages_per_range = 32, autosummarize = on)',
  ];
  // Storage parameters belong to the tables that contain rows.
  if (partitionBy === null) statements.push(storage(name, target));
  else
    statements.push(
      `create table if not exists ${partitionName(target, defaultPartition(target))} partition of ${name} default`,
    );
  return statements;
}

export function metaColumn({ name, type }: LoadColumn): string {
  return (
    `${name} ` +
    `${type}${name === '_loaded_at' ? ' default now()' : name === '_deleted' ? ' not null default false' : ''}`
  );
}

/**
 * Appended rows are vacuumed by their number, so that the visibility map keeps up. Upserts leave dead rows, which must
 * be removed early.
 */
function storage(name: string, target: LoadTarget): string {
  return target.mode === 'append'
    ? `alter table ${name} set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)`
    : `alter table ${name} set (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, ` +
        'autovacuum_analyze_scale_factor = 0.02)';
}

function indexName(target: LoadTarget): string {
  return shortened(target.identifier, '_offset_brin');
}

function shortened(name: string, suffix: string): string {
  let base = name;
  while (Buffer.byteLength(base + suffix) > 63) base = base.slice(0, -1);
  return base + suffix;
}

export function defaultPartition(target: LoadTarget): string {
  return shortened(target.identifier, '_default');
}

export function partitionName(target: LoadTarget, name: string): string {
  return `${quoteIdentifier(target.schema)}.${quoteIdentifier(name)}`;
}

/**
 * The partition of a timestamp; null if it is so far from now that the default partition contains it.
 * @param now milliseconds since 1970
 */
export function partitionAt(target: LoadTarget, time: number, now: number): TablePartition | null {
  if (target.partitionBy === null) return null;
  const oldest = now - (target.retentionDays ?? FAR_PAST_DAYS) * DAY;
  if (time < oldest - 7 * DAY || time > now + (AHEAD_DAYS + 7) * DAY) return null;
  const days = target.partitionBy.every === 'day' ? 1 : 7;
  const day = Math.floor(time / DAY);
  // 1970-01-01 was a Thursday; weeks begin on Monday.
  const first = days === 1 ? day : day - ((day + 3) % 7);
  const from = first * DAY;
  return {
    name: shortened(target.identifier, `_p${new Date(from).toISOString().slice(0, 10).replaceAll('-', '')}`),
    from,
    to: from + days * DAY,
  };
}

/** The partitions of today and of the following days. */
export function comingPartitions(target: LoadTarget, now: number): TablePartition[] {
  const found = new Map<string, TablePartition>();
  for (let ahead = 0; ahead <= AHEAD_DAYS; ahead++) {
    const partition = partitionAt(target, now + ahead * DAY, now);
    if (partition !== null) found.set(partition.name, partition);
  }
  return [...found.values()];
}

/** The start of a day as a text of the partition column's type. */
function boundOf({ partitionBy, columns }: LoadTarget, time: number): string {
  const type = columns.find(({ name }) => name === partitionBy?.column)?.type.toLowerCase() ?? '';
  const day = new Date(time).toISOString().slice(0, 10);
  const clock = type.startsWith('date') ? '' : /with time zone|timestamptz/.test(type) ? ' 00:00:00+00' : ' 00:00:00';
  return quoteText(`${day}${clock}`);
}

/** Deletes rows of the default partition that are older than a time, up to a number. */
export function pruneDefault(target: LoadTarget, time: number, most: number): string {
  const rest = partitionName(target, defaultPartition(target));
  return (
    `delete from ${rest} where ctid = any (array(select ctid from ${rest} where ` +
    `${quoteIdentifier(target.partitionBy?.column ?? '')} < ${boundOf(target, time)} limit ${most})) returning 1`
  );
}

/**
 * Creates a partition as a separate table and attaches it; readers continue in the meantime. Moves rows of the default
 * partition that belong to it.
 */
export function createPartition(target: LoadTarget, partition: TablePartition): string[] {
  const column = target.partitionBy!.column;
  const bound = (time: number): string => boundOf(target, time);
  const name = partitionName(target, partition.name);
  const rest = partitionName(target, defaultPartition(target));
  const range =
    `${quoteIdentifier(column)} >= ${bound(partition.from)} and ${quoteIdentifier(column)} < ` +
    `${bound(partition.to)}`;
  return [
    `create table ${name} (like ${tableName(target)} including defaults including constraints)`,
    storage(name, target),
    `with moved as (delete from ${rest} where ${range} returning *) insert into ${name} select * from moved`,
    `alter table ${name} add constraint tsdbt_range check (${quoteIdentifier(column)} is not null and ${range})`,
    `alter table ${tableName(target)} attach partition ${name} for values from (${bound(partition.from)}) to ` +
      `(${bound(partition.to)})`,
    `alter table ${name} drop constraint tsdbt_range`,
  ];
}

/** The start according to a partition's name, as a timestamp; null: the name does not belong to this table. */
export function partitionStart(target: LoadTarget, name: string): number | null {
  const match = /_p(\d{4})(\d\d)(\d\d)$/.exec(name);
  if (match === null || shortened(target.identifier, match[0]) !== name) return null;
  return Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
}
