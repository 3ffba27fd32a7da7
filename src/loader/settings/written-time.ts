// Parses a time that a person wrote, in an option or in YAML. Pure.

/**
 * A date or a timestamp in ISO form, with a space or a T in between; without a time zone it is UTC.
 * @returns milliseconds since 1970; null for anything else
 */
export function writtenTime(text: string): number | null {
  const iso = text.trim().replace(' ', 'T');
  if (!/^\d{4}-\d\d/.test(iso)) return null;
  const time = Date.parse(iso.includes('T') && !/([zZ]|[+-]\d\d:?\d\d)$/.test(iso) ? `${iso}Z` : iso);
  return Number.isNaN(time) ? null : time;
}
