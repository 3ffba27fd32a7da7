// Builds the target of a load for tests: a table in `raw`, to which topic `t` is appended unless a test overrides it.
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';

/** @param table name of the table in the schema `raw` */
export function loadTargetOf(table: string, more: Partial<LoadTarget> = {}): LoadTarget {
  return {
    uniqueId: `source.p.raw.${table}`,
    name: `raw.${table}`,
    path: 'models/sources.yml',
    database: null,
    schema: 'raw',
    identifier: table,
    connection: 'default',
    topic: 't',
    format: 'json',
    mode: 'append',
    key: [],
    partitionBy: null,
    retentionDays: null,
    storage: null,
    hash: [],
    drop: [],
    schemaDrift: 'ignore',
    flush: { rows: 50, bytes: 1e6, ageMs: 20 },
    columns: [],
    rest: '_rest',
    start: 'earliest',
    onGap: 'stop',
    maxDead: 100,
    changes: null,
    ...more,
  };
}
