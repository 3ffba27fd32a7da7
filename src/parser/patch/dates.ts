// Converts YAML dates to their form in artifacts. Pure.

/** Formats a date or datetime as ISO text with time and offset, by default the machine's offset. */
export function normalizeDate(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[-+]\d\d:?\d\d)?)?$/.exec(text);
  if (match === null) return text;
  const [, day, time = '00:00:00', zone] = match;
  const clock = time.length === 5 ? `${time}:00` : time;
  return `${day}T${clock}${zone === undefined ? localOffset(`${day}T${clock}`) : zone === 'Z' ? '+00:00' : zone}`;
}

function localOffset(text: string): string {
  const minutes = -new Date(text).getTimezoneOffset();
  const size = Math.abs(minutes);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
