// A seed's CSV text as a typed table: cells as Python's csv module reads them, names and types as agate gives them. Reads no file.
import { inferTable } from '../adapters/table-inference.ts';
import type { Table } from '../adapters/table.ts';
import type { SeedNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { warningTag } from '../log.ts';

/**
 * @param text the file, decoded
 * @param empty `--empty`: no rows
 * @throws {TsdbtError} for a row with more cells than columns, and for an empty file
 */
export function seedTable(node: SeedNode, text: string, logger: Logger, empty: boolean): Table {
  const delimiter = typeof node.config['delimiter'] === 'string' ? node.config['delimiter'] : ',';
  const records = csvRecords(text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n'), delimiter);
  const header = records.shift();
  if (header === undefined) throw new TsdbtError('compilation', `the seed has no header: ${node.original_file_path} is empty`, { node });
  const names = columnNames(header);
  const wanted = Object.keys(node.config.column_types ?? {});
  const unknown = wanted.filter((name) => !header.includes(name)).sort();
  if (unknown.length > 0) {
    const msg = `Column types specified for non-existent columns in seed '${node.name}' (file: ${node.original_file_path}): ${unknown.join(', ')}. These column type overrides will be ignored.`;
    logger.fire({ name: 'JinjaLogWarning', code: 'I061', level: 'warn', msg: warningTag(msg), data: { msg } });
  }
  records.forEach((record, i) => {
    if (record.length > names.length) {
      throw new TsdbtError('compilation', `Row ${i} has ${record.length} values, but Table only has ${names.length} columns.`, { node });
    }
  });
  return inferTable(names, empty ? [] : records, new Set(wanted.filter((name) => header.includes(name))));
}

/** Empty names become letters, repeated ones get a number. */
function columnNames(header: readonly string[]): string[] {
  const taken = new Set<string>();
  return header.map((written, i) => {
    const name = written === '' ? letterName(i) : written;
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name}_${n}`;
    taken.add(unique);
    return unique;
  });
}

function letterName(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26));
  return letter.repeat(Math.floor(index / 26) + 1);
}

function csvRecords(text: string, delimiter: string): string[][] {
  const records: string[][] = [];
  const n = text.length;
  let i = 0;
  while (i < n) {
    const record: string[] = [];
    if (text[i] === '\n') {
      records.push(record);
      i++;
      continue;
    }
    for (;;) {
      let cell = '';
      if (text[i] === '"') {
        i++;
        for (;;) {
          const quote = text.indexOf('"', i);
          if (quote < 0) {
            cell += text.slice(i);
            i = n;
            break;
          }
          cell += text.slice(i, quote);
          i = quote + 1;
          if (text[i] !== '"') break;
          cell += '"';
          i++;
        }
      }
      let end = i;
      while (end < n && text[end] !== '\n' && !text.startsWith(delimiter, end)) end++;
      cell += text.slice(i, end);
      record.push(cell);
      i = end;
      if (i < n && text[i] !== '\n') {
        i += delimiter.length;
        continue;
      }
      break;
    }
    i++;
    records.push(record);
  }
  return records;
}
