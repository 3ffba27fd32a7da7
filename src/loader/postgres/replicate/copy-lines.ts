// Finds the values of a line in COPY's text format. Pure.
import { BACKSLASH, CAPITAL_N, LINE_FEED, TAB } from '../../formats/values/ascii.ts';
import { TsdbtError } from '../../../errors.ts';
import { NULL_VALUE, type SourceRow } from './change-records.ts';

const ESCAPES: ReadonlyMap<number, number> = new Map(
  [...'b\bf\fn\nr\rt\tv\v'].flatMap((letter, i, all) =>
    i % 2 === 0 ? [[letter.charCodeAt(0), (all[i + 1] ?? '').charCodeAt(0)] as const] : [],
  ),
);

/**
 * @param line with or without its line feed; values with escapes are rewritten in it
 * @throws `runtime` error if it does not have as many values as columns
 */
export function copyRow(line: Buffer, columns: number): SourceRow {
  const spans: number[] = [];
  const end = line.at(-1) === LINE_FEED ? line.length - 1 : line.length;
  let start = 0;
  /** End of the value's bytes, before the ones that are read if there was an escape. */
  let to = 0;
  let isNull = false;
  for (let at = 0; ; at++) {
    const byte = at < end ? line[at] : TAB;
    if (byte === TAB) {
      spans.push(isNull ? NULL_VALUE : start, to);
      if (at >= end || spans.length > columns * 2) break;
      start = to = at + 1;
      isNull = false;
    } else if (byte === BACKSLASH) {
      const code = line[++at] ?? 0;
      if (code === CAPITAL_N) isNull = true;
      else line[to++] = ESCAPES.get(code) ?? code;
    } else {
      if (to !== at) line[to] = byte ?? 0;
      to++;
    }
  }
  if (spans.length !== columns * 2)
    throw new TsdbtError('runtime', `a line of COPY has another number of values than the ${columns} columns`);
  return { bytes: line, spans };
}
