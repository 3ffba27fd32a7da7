// Parses durations in the form `30s`, `5m`, `1h30m`, `0.5d`. Callers check the range.

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The units, for messages. */
export const DURATION_UNITS = Object.keys(UNITS);

/** @returns milliseconds, possibly fractional; null if the text is not a duration */
export function durationMs(text: string): number | null {
  const part = /\s*(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|m|h|d)\s*/y;
  let total = 0;
  while (part.lastIndex < text.length) {
    const found = part.exec(text);
    if (found === null) return null;
    total += Number(found[1]) * (UNITS[found[2] ?? ''] ?? 0);
  }
  return text === '' ? null : total;
}

/** Parses a time such as `90 days` or `12h` to milliseconds; null for other text. */
export function timeMs(text: string): number | null {
  const days = /^(\d{1,9}) days?$/.exec(text.trim());
  return days === null ? durationMs(text.trim()) : Number(days[1]) * 86_400_000;
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
