// Replaces the calls of ClickHouse's clock in a query by a fixed time, for unit tests.
import { closingAt, sqlMask } from '../../values/sql-mask.ts';

const CALL = new RegExp(
  String.raw`(?<![\w$.])(?:(now|now64|nowInBlock|nowInBlock64|today|yesterday|curdate|current_date|` +
    String.raw`current_timestamp|utc_?timestamp)\s*\(|` +
    // After AS it is the name of a column.
    String.raw`(?<!\bas\s+)(current_date|current_timestamp)(?![\w$.]))`,
  'gi',
);

/**
 * @param at microseconds since 1970
 * @returns the query with the time instead of `now()`, `now64(6)`, `today()` and the like
 */
export function withFixedClock(sql: string, at: bigint): string {
  const micros = ((at % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (at - micros) / 1_000_000n;
  const sign = at < 0n ? '-' : '';
  const size = at < 0n ? -at : at;
  const exact = `toDecimal64('${sign}${size / 1_000_000n}.${String(size % 1_000_000n).padStart(6, '0')}', 6)`;
  const date = (zone: string): string => `toDate(toDateTime(${seconds}${zone}))`;
  let [written, end] = ['', 0];
  const mask = sqlMask(sql, 'escaped');
  for (const { 0: call, 1: name, 2: word = '', index } of mask.matchAll(CALL)) {
    // Within the arguments of another call.
    if (index < end) continue;
    const close = name === undefined ? index + call.length : closingAt(mask, index + call.length - 1);
    // The mask hides the name of a zone.
    const given = name === undefined ? '' : sql.slice(index + call.length, close - 1);
    const also = given.trim() === '' ? '' : `, ${given}`;
    written += sql.slice(end, index);
    end = close;
    switch ((name ?? word).toLowerCase()) {
      case 'now64':
      case 'nowinblock64':
        written += `toDateTime64(${exact}${also === '' ? ', 3' : also})`;
        break;
      case 'today':
      case 'curdate':
      case 'current_date':
        written += date(also);
        break;
      case 'yesterday':
        written += `(${date(also)} - 1)`;
        break;
      case 'utctimestamp':
      case 'utc_timestamp':
        written += `toDateTime(${seconds}, 'UTC')`;
        break;
      default:
        written += `toDateTime(${seconds}${also})`;
    }
  }
  return written + sql.slice(end);
}
