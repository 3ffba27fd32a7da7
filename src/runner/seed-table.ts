// Parses a seed's file to a typed table, with dbt's error messages. adapters/csv.ts reads CSV and infers types.
import { type RenamedColumn, type ShortLines, tableFromCsv } from '../adapters/csv.ts';
import { EmptiedTable } from '../adapters/emptied-table.ts';
import type { Table } from '../adapters/table.ts';
import type { SeedNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { fire, note } from '../events/index.ts';
import { type Logger, warningTag } from '../log.ts';

/**
 * @param text the decoded file
 * @param empty `--empty`: no rows
 * @throws {TsdbtError} `compilation`, with file and line, for a file that is not a table
 */
export function seedTable(node: SeedNode, text: string, logger: Logger, empty: boolean): Table {
  const wanted = Object.keys(node.config.column_types ?? {});
  const table = readTable(node, text, wanted, logger);
  const unknown = wanted.filter((name) => !table.columnNames.includes(name)).sort();
  if (unknown.length > 0) {
    const msg =
      `Column types specified for non-existent columns in seed '${node.name}' (file: ` +
      `${node.original_file_path}): ${unknown.join(', ')}. These column type overrides will be ignored.`;
    fire(logger, 'JinjaLogWarning', { msg }, { msg: warningTag(msg) });
  }
  return empty ? new EmptiedTable(table) : table;
}

function readTable(node: SeedNode, text: string, textColumns: readonly string[], logger: Logger): Table {
  const { delimiter } = node.config as { readonly delimiter?: unknown };
  try {
    return tableFromCsv(text, {
      path: node.original_file_path,
      textColumns,
      // agate reports this as a Python warning, which --warn-error ignores: a note, not a dbt event.
      onRenamed(column, line) {
        note(logger, warningTag(renamedWarning(node, column, line)), { level: 'warn' });
      },
      onShort(lines) {
        note(logger, warningTag(shortWarning(node, lines)), { level: 'warn' });
      },
      ...(typeof delimiter === 'string' ? { delimiter } : {}),
    });
  } catch (error) {
    throw error instanceof TsdbtError
      ? new TsdbtError('compilation', error.message, { ...error.details, node })
      : error;
  }
}

function renamedWarning(node: SeedNode, { index, written, name }: RenamedColumn, line: number): string {
  const where = `Seed '${node.name}' (${node.original_file_path} line ${line})`;
  return written === ''
    ? `${where}: column ${index + 1} has no name and is loaded as "${name}".`
    : `${where}: column name "${written}" already exists. Column ${index + 1} is loaded as "${name}".`;
}

function shortWarning(node: SeedNode, { line, values, columns, count }: ShortLines): string {
  const where = `Seed '${node.name}' (${node.original_file_path} line ${line})`;
  const text =
    values === 0 ? 'a blank line is loaded as a row of NULLs' : `${values} of ${columns} values, the others are NULL`;
  return `${where}: ${text}${count > 1 ? `, as in ${count - 1} more of its lines` : ''}.`;
}
