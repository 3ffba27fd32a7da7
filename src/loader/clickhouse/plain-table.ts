// DDL of a loaded table in ClickHouse.
import { quoteIdentifier } from '../../adapters/clickhouse/literal.ts';
import { type LoadColumn, type LoadTarget, PROCESSING_TS } from '../load-target.ts';
import { relationOf } from './load-flushes.ts';

const META: Readonly<Record<string, string>> = {
  _topic: 'LowCardinality(String)',
  _partition: 'Int32',
  _offset: 'Int64',
  _kafka_ts: "Nullable(DateTime64(3, 'UTC'))",
  _loaded_at: "DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')",
  _load_id: 'LowCardinality(String)',
  _deleted: 'Bool',
};

export function metaColumns(): readonly [string, string][] {
  return Object.entries(META);
}

export function columnType(target: LoadTarget, { name, type }: LoadColumn): string {
  if (name === PROCESSING_TS && type === 'timestamptz') return "DateTime64(3, 'UTC')";
  return target.key.includes(name) || /^(nullable|array|map|tuple|json|lowcardinality)/i.test(type)
    ? type
    : `Nullable(${type})`;
}

export function createTable(target: LoadTarget): string[] {
  const lines = [
    ...target.columns.map((column) => `${quoteIdentifier(column.name)} ${columnType(target, column)}`),
    ...(target.rest === null ? [] : [`${quoteIdentifier(target.rest)} Nullable(String)`]),
    ...metaColumns().map(([name, type]) => `${name} ${type}`),
    'INDEX tsdbt_offset _offset TYPE minmax GRANULARITY 1',
  ];
  const upsert = target.mode === 'upsert';
  return [
    `CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(target.schema)}`,
    `CREATE TABLE IF NOT EXISTS ${relationOf(target)} (\n  ${lines.join(',\n  ')}\n) ENGINE = ` +
      `${upsert ? 'ReplacingMergeTree(_offset, _deleted)' : 'MergeTree'} ORDER BY ` +
      `(${upsert ? target.key.map(quoteIdentifier).join(', ') : '_topic, _partition, _offset'}) SETTINGS ` +
      'non_replicated_deduplication_window = 10000',
  ];
}
