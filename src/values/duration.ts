// Durations as people write them: `30s`, `5m`, `1h30m`, `0.5d`, `90 days`.

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONG: Readonly<Record<string, number>> = { w: 604_800_000, day: 86_400_000, week: 604_800_000 };
/** The units, for a message. */
export const DURATION_UNITS = [...Object.keys(UNITS), 'w', 'days', 'weeks'];

/** @returns milliseconds, possibly fractional; null if the text is not a duration */
export function durationMs(text: string): number | null {
  const part = /\s*(\d{1,15}(?:\.\d{1,15})?)\s*(ms|[smhdw]|days?|weeks?)(?![a-z])\s*/y;
  let total = 0;
  while (part.lastIndex < text.length) {
    const found = part.exec(text);
    if (found === null) return null;
    const unit = found[2] ?? '';
    total += Number(found[1]) * (UNITS[unit] ?? LONG[unit.replace(/(?<=day|week)s$/, '')] ?? 0);
  }
  return text === '' ? null : total;
}

/** Formats a duration: `1h30m`, `0s`. @param ms whole milliseconds */
export function writtenDuration(ms: number): string {
  let rest = ms;
  let words = '';
  for (const [unit, size] of Object.entries(UNITS).reverse()) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) words += `${count}${unit}`;
  }
  return words === '' ? '0s' : words;
}

/** A duration in the form of the file: `15m`, `1h30m`, `2m5s`; rounded to seconds, or to milliseconds if shorter. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  return writtenDuration(Math.round(ms / 1000) * 1000);
}
