// Rows of a small CSV text as Python's csv.DictReader gives them: for fixtures of unit tests. Leaves types and seeds to
// adapters.

/** One dict a row, all values text; a short row has null, surplus cells are dropped; blank lines are skipped. */
export function readCsvRows(text: string): { [column: string]: string | null }[] {
  const records = readRecords(text);
  const header = records.shift();
  if (header === undefined) return [];
  return records.map((record) => {
    const row: { [column: string]: string | null } = {};
    header.forEach((column, i) => {
      row[column] = record[i] ?? null;
    });
    return row;
  });
}

function readRecords(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let cell = '';
  let quoted = false;
  let started = false;
  const endRecord = (): void => {
    if (record.length > 0 || cell !== '' || started) records.push([...record, cell]);
    record = [];
    cell = '';
    started = false;
  };
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] as string;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else quoted = false;
    } else if (char === '"' && cell === '') {
      quoted = true;
      started = true;
    } else if (char === ',') {
      record.push(cell);
      cell = '';
      started = true;
    } else if (char === '\n' || char === '\r') {
      if (char === '\r' && text[i + 1] === '\n') i += 1;
      endRecord();
    } else cell += char;
  }
  endRecord();
  return records;
}
