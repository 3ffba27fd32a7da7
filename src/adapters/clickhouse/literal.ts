// Formats names and texts for ClickHouse SQL.

/** Quotes a name with backquotes, whatever it contains. */
export function quoteIdentifier(name: string): string {
  return `\`${escapeText(name)}\``;
}

/** Quotes a name with double quotes, as dbt-clickhouse's `adapter.quote` does. Relations use backquotes. */
export function quoteDouble(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&').replaceAll('\0', '\\0')}"`;
}

/** Formats a part of a statement that a project wrote: a bare or quoted name is kept, anything else is quoted. */
export function quoteUnlessBare(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : quoteWritten(name);
}

const QUOTED = /^(?:`(?:[^`\\]|\\.|``)+`|"(?:[^"\\]|\\.|"")+")$/s;

/** A name that a project wrote: as dbt-clickhouse, one that is quoted already stays. */
export function quoteWritten(name: string): string {
  const first = name[0];
  return (first === '`' || first === '"') && QUOTED.test(name) ? name : quoteIdentifier(name);
}

/** Formats a text as a string literal, including quotes. */
export function quoteText(text: string): string {
  return `'${escapeText(text)}'`;
}

/** Escapes a text for use inside quotes of any kind. */
export function escapeText(text: string): string {
  return text.replace(/[\\'`]/g, '\\$&').replaceAll('\0', '\\0');
}
