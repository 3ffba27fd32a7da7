// Names and texts as ClickHouse's SQL writes them.

/** A name in backquotes; one that is quoted already stays. */
export function quoteIdentifier(name: string): string {
  const first = name[0];
  if (first !== undefined && (first === '`' || first === '"') && name.endsWith(first)) return name;
  return `\`${escapeText(name)}\``;
}

export function quoteText(text: string): string {
  return `'${escapeText(text)}'`;
}

export function escapeText(text: string): string {
  return text.replace(/[\\'`]/g, '\\$&');
}
