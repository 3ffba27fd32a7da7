// Options of a load config for Postgres tables: partitions by day or week, and their retention.
import type { Json } from '../../contracts/node.ts';
import { isDictionary } from '../../values/is-dictionary.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { Options, Refuse } from '../settings/option-reader.ts';
import type { TableOptions } from '../settings/database-options.ts';

const TEXT_TYPE = new RegExp(
  String.raw`^(text|citext|(?:character varying|varchar)(?:\s*\(\s*(\d+)\s*\))?|(?:character|char` +
    String.raw`|bpchar)\s*\(\s*(\d+)\s*\))$`,
  'i',
);

export const POSTGRES_TABLE: TableOptions = {
  database: 'Postgres',
  text: 'text',
  flush: { rows: 50_000, bytes: 16 * 1024 * 1024, ageMs: 2000 },

  read(options, { columns, key, refuse }) {
    const partitionBy = partitioning(options['partition_by'], refuse);
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
    const retention = options['retention'];
    if (retention !== undefined && partitionBy === null)
      refuse("'retention' needs 'partition_by': old rows go with their partition");
    return {
      partitionBy,
      retentionDays: retention === undefined ? null : days(retention, refuse),
      storage: null,
    };
  },

  holdsHash(type, length) {
    const match = TEXT_TYPE.exec(type.trim());
    return match !== null && Number(match[2] ?? match[3] ?? length) >= length;
  },
};

function partitioning(value: Json | undefined, refuse: Refuse): LoadTarget['partitionBy'] {
  if (value === undefined || value === null) return null;
  const { column, every = 'day' }: Options = isDictionary(value) ? value : {};
  if (typeof column !== 'string' || (every !== 'day' && every !== 'week'))
    return refuse(`'partition_by' must be { column: a_column, every: day | week }, found ${JSON.stringify(value)}`);
  return { column, every };
}

function days(value: Json, refuse: Refuse): number {
  const match = /^(\d+)\s*(d|days?|w|weeks?)$/.exec(String(value).trim());
  if (match === null || Number(match[1]) === 0)
    return refuse(`'retention' must be a number of days or weeks such as '90 days', found ${JSON.stringify(value)}`);
  return Number(match[1]) * (match[2]?.startsWith('w') ? 7 : 1);
}
