// Hints about mistakes in queries that Postgres rejects: functions of other databases, an alias in the WHERE of its own
// SELECT.
import { queryHint, type Refused, withoutComments } from '../query-hint.ts';

const SYNTAX = '42601';
const NO_COLUMN = '42703';
const NO_FUNCTION = '42883';
/** Number of characters before the position that are read. */
const NEAR = 4000;

/** Replacements for functions of other databases. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  datediff: "{{ dbt.datediff('first_date', 'second_date', 'day') }}",
  dateadd: "{{ dbt.dateadd('day', 1, 'from_date') }}",
  date_add: "{{ dbt.dateadd('day', 1, 'from_date') }}",
  date_sub: "{{ dbt.dateadd('day', -1, 'from_date') }}",
  timestamp_trunc: "{{ dbt.date_trunc('day', 'a_timestamp') }}",
  safe_cast: "{{ dbt.safe_cast('a_text', api.Column.translate_type('integer')) }}",
  ifnull: 'coalesce(a, b)',
  nvl: 'coalesce(a, b)',
  iff: 'case when … then … else … end',
  getdate: 'current_timestamp',
  listagg: "{{ dbt.listagg('a_column', \"', '\") }}",
};

/** @param message of the server, @param sqlState its code */
export function postgresHint(message: string, sqlState: string | undefined, refused: Refused): string | undefined {
  const { sql, position } = refused;
  if (sqlState !== SYNTAX && sqlState !== NO_COLUMN && sqlState !== NO_FUNCTION) return undefined;
  const own = queryHint({ ...refused, isSyntax: sqlState === SYNTAX });
  if (own !== undefined) return own;
  const before = position === undefined ? '' : [...sql].slice(Math.max(0, position - NEAR), position - 1).join('');
  const [, now] = /\b(current_(?:timestamp|date|time)|localtime(?:stamp)?)\s*\(\s*$/i.exec(before) ?? [];
  if (sqlState === SYNTAX && now !== undefined)
    return `Postgres writes ${now} without parentheses; {{ dbt.current_timestamp() }} works with every database.`;
  // Arguments are resolved before the function: `datediff(day, …)` fails at a column "day".
  const called =
    /^function (?:\w+\.)?"?(\w+)"?\(/.exec(message)?.[1] ?? /\b(\w+)\s*\((?:[^()]*,)?\s*$/.exec(before)?.[1] ?? '';
  const instead = Object.hasOwn(ELSEWHERE, called.toLowerCase()) ? ELSEWHERE[called.toLowerCase()] : undefined;
  if (instead !== undefined) return `Postgres has no function ${called}: write ${instead}.`;
  const column = sqlState === NO_COLUMN ? /^column "([^".]+)" does not exist/.exec(message)?.[1] : undefined;
  if (column === undefined) return undefined;
  const name = column.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const clause = /\b(where|having|on|over)\b(?:(?!\b(?:select|from|where|having|group by|order by)\b)[\s\S])*$/i.exec(
    withoutComments(before),
  );
  return clause !== null && new RegExp(`\\bas\\s+"?${name}"?(?!\\w)`, 'i').test(withoutComments(sql))
    ? `"${column}" is an alias of the SELECT list, which ${clause[1]?.toUpperCase()} does not see: repeat the ` +
        'expression, or put the SELECT into a CTE and filter outside of it.'
    : undefined;
}
