// INSERTs of a flush: rows and dead letters, each as one block under a token. Repeated, they insert only what is
// missing. Texts and one call; sink.ts and settle.ts decide what is written.
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import { CELL_SETTINGS } from './cells.ts';

/** More rows and bytes than any flush has. */
const [ALL_ROWS, ALL_BYTES] = [1_000_000_000, 1_000_000_000_000];

/**
 * Settings of an INSERT that is one block per partition of the table. The server remembers a token per block: the same
 * rows in other blocks would be inserted twice.
 */
function settings(token: string): string {
  const all: Readonly<Record<string, string>> = {
    async_insert: '0',
    insert_deduplicate: '1',
    insert_deduplication_token: quoteText(token),
    deduplicate_blocks_in_dependent_materialized_views: '1',
    materialized_views_ignore_errors: '0',
    max_insert_block_size: String(ALL_ROWS),
    min_insert_block_size_rows: String(ALL_ROWS),
    min_insert_block_size_bytes: String(ALL_BYTES),
    input_format_parallel_parsing: '0',
    max_partitions_per_insert_block: '0',
    ...CELL_SETTINGS,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
}

/** `INSERT INTO` for rows as tab-separated text. @param table quoted */
export function insertRows(table: string, columns: readonly string[], token: string): string {
  const list = columns.map(quoteIdentifier).join(', ');
  return `INSERT INTO ${table} (${list}) SETTINGS ${settings(token)} FORMAT TabSeparated`;
}
