// Names and texts as ClickHouse's SQL writes them.

/** A name in backquotes, whatever it holds. */
export function quoteIdentifier(name: string): string {
  return `\`${escapeText(name)}\``;
}

/** A name that a project wrote: as dbt-clickhouse, one that is quoted already stays. */
export function quoteWritten(name: string): string {
  const first = name[0];
  if (first !== undefined && (first === '`' || first === '"') && name.endsWith(first)) return name;
  return quoteIdentifier(name);
}

/** A text as a string literal, quotes included. */
export function quoteText(text: string): string {
  return `'${escapeText(text)}'`;
}

/** A text for the inside of quotes of any kind. */
export function escapeText(text: string): string {
  return text.replace(/[\\'`]/g, '\\$&');
}
