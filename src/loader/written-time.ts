// Reads a time that a person wrote, in an option or in YAML. Pure.

/**
 * A day or a moment in ISO form, with a blank or a T between; without a zone it is UTC.
 * @returns milliseconds since 1970; null for anything else
 */
export function writtenTime(text: string): number | null {
  const iso = text.trim().replace(' ', 'T');
  if (!/^\d{4}-\d\d/.test(iso)) return null;
  const time = Date.parse(iso.includes('T') && !/([zZ]|[+-]\d\d:?\d\d)$/.test(iso) ? `${iso}Z` : iso);
  return Number.isNaN(time) ? null : time;
}
