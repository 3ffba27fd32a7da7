// Names and texts as ClickHouse's SQL writes them.

/** A name in backquotes, whatever it holds. */
export function quoteIdentifier(name: string): string {
  return `\`${escapeText(name)}\``;
}

/** A name in double quotes, as dbt-clickhouse's `adapter.quote`; relations are in backquotes. */
export function quoteDouble(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&').replaceAll('\0', '\\0')}"`;
}

/** A part of a statement that a project wrote: a bare or quoted name stays as it is, anything else is quoted. */
export function quoteUnlessBare(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : quoteWritten(name);
}

const QUOTED = /^(?:`(?:[^`\\]|\\.|``)+`|"(?:[^"\\]|\\.|"")+")$/s;

/** A name that a project wrote: as dbt-clickhouse, one that is quoted already stays. */
export function quoteWritten(name: string): string {
  const first = name[0];
  return (first === '`' || first === '"') && QUOTED.test(name) ? name : quoteIdentifier(name);
}

/** A text as a string literal, quotes included. */
export function quoteText(text: string): string {
  return `'${escapeText(text)}'`;
}

/** A text for the inside of quotes of any kind. */
export function escapeText(text: string): string {
  return text.replace(/[\\'`]/g, '\\$&').replaceAll('\0', '\\0');
}
