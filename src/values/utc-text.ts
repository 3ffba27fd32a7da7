// Formats times in UTC, for documents and for users.

/** `2026-05-01T12:00:00.000Z`. @param ms since 1970-01-01 UTC */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** `2026-05-01 12:00:00`. @param ms since 1970-01-01 UTC */
export function dateTime(ms: number): string {
  return isoTime(ms).slice(0, 19).replace('T', ' ');
}
