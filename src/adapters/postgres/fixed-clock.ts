// Replaces the calls of Postgres's clock in a query by a fixed time, for unit tests.
import { closingAt, sqlMask } from '../../values/sql-mask.ts';

const CALL = new RegExp(
  String.raw`(?<![\w$."])(?:pg_catalog\s*\.\s*)?(now|(?:transaction|statement|clock)_timestamp)\s*\(\s*\)|` +
    // After AS it is the name of a column.
    String.raw`(?<![\w$."]|\bas\s+)(current_timestamp|current_date|current_time|localtimestamp|localtime)(?![\w$."])` +
    String.raw`(?:\s*\(\s*(\d)\s*\))?|(?<![\w$."])(?:pg_catalog\s*\.\s*)?(age)\s*\(`,
  'gi',
);
const TEXT = new RegExp(
  String.raw`(?<![\w$])(date|timestamptz|timestamp(?:\s+with(?:out)?\s+time\s+zone)?)\s*` +
    String.raw`'\s*(now|today|tomorrow|yesterday)\s*'|'\s*(now|today|tomorrow|yesterday)\s*'(?=\s*::\s*(?:date|time))`,
  'gi',
);
const TYPES: Readonly<Record<string, string>> = {
  current_time: 'timetz',
  localtimestamp: 'timestamp',
  localtime: 'time',
};

/**
 * @param at microseconds since 1970
 * @returns the query with the time instead of `now()`, `current_date`, `age(x)`, `'today'::date` and the like
 */
export function withFixedClock(sql: string, at: bigint): string {
  const time = `(timestamptz 'epoch' + ${at} * interval '1 microsecond')`;
  const date = `(${time}::date)`;
  const named: Readonly<Record<string, string>> = {
    now: time,
    today: date,
    tomorrow: `(${date} + 1)`,
    yesterday: `(${date} - 1)`,
  };
  const mask = sqlMask(sql, 'plain');
  const edits: { from: number; to: number; text: string }[] = [];
  for (const match of mask.matchAll(CALL)) {
    const [call, , word, digits, age] = match;
    const [from, to] = [match.index, match.index + call.length];
    const name = word?.toLowerCase() ?? '';
    if (age !== undefined) {
      if (!hasComma(mask, to)) edits.push({ from: to, to, text: `${date}::timestamp, ` });
    } else if (name === 'current_date') edits.push({ from, to: from + name.length, text: date });
    else {
      const type = TYPES[name] ?? 'timestamptz';
      edits.push({ from, to, text: `(${time}::${type}${digits === undefined ? '' : `(${digits})`})` });
    }
  }
  for (const match of sql.matchAll(TEXT)) {
    const [text, type, typed, cast] = match;
    const quote = match.index + text.indexOf("'");
    // It begins a text: the mask has no character of one there.
    if (mask[quote] !== "'" || mask[quote + 1] !== '\u0001') continue;
    const value = named[(typed ?? cast ?? '').toLowerCase()] ?? time;
    const replaced = type === undefined ? value : `(${value}::${type})`;
    edits.push({ from: match.index, to: match.index + text.length, text: replaced });
  }
  // An insertion comes after a replacement at the same place.
  return edits
    .sort((a, b) => b.from - a.from || b.to - a.to)
    .reduce((rest, { from, to, text }) => `${rest.slice(0, from)}${text}${rest.slice(to)}`, sql);
}

/** Whether a call has more than one argument. @param start of the arguments */
function hasComma(mask: string, start: number): boolean {
  const end = closingAt(mask, start - 1);
  for (let at = start; at < end; at++) {
    if (mask[at] === '(' || mask[at] === '[') at = mask[at] === '(' ? closingAt(mask, at) - 1 : at;
    else if (mask[at] === ',') return true;
  }
  return false;
}
