// Options of a load config for Postgres tables: partitions by day or week, and their retention.
import type { TableOptions } from '../settings/database-options.ts';

const TEXT_TYPE = new RegExp(
  String.raw`^(text|citext|(?:character varying|varchar)(?:\s*\(\s*(\d+)\s*\))?|(?:character|char` +
    String.raw`|bpchar)\s*\(\s*(\d+)\s*\))$`,
  'i',
);

export const POSTGRES_TABLE: TableOptions = {
  database: 'Postgres',
  text: 'text',
  flush: { rows: 50_000, bytes: 16 * 1024 * 1024, age: 2000 },

  read({ partition_by: partitionBy, retention }, { columns, key, place, refuse }) {
    if (partitionBy !== null && !('column' in partitionBy))
      return place.at('partition_by').wrong('{ column: a_column, every: day | week }', [...partitionBy]);
    if (partitionBy !== null) {
      if (!columns.some(({ name }) => name === partitionBy.column))
        refuse(`partition column '${partitionBy.column}' is not declared`);
      if (key.length > 0 && !key.includes(partitionBy.column)) {
        refuse(
          `the key lacks the partition column '${partitionBy.column}': the database cannot keep it unique over ` +
            'partitions',
          `key: [${[...key, partitionBy.column].join(', ')}]`,
        );
      }
    }
    if (retention !== null && partitionBy === null)
      place.at('retention').must("needs 'partition_by'", 'Old rows are dropped with their partition.');
    return { partitionBy, retentionDays: retention, storage: null };
  },

  holdsHash(type, length) {
    const match = TEXT_TYPE.exec(type.trim());
    return match !== null && Number(match[2] ?? match[3] ?? length) >= length;
  },
};
