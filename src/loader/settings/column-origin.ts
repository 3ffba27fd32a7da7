// Reads the options of a column about the origin of its value (`from`, `path`) and the unit of its times (`epoch`).
// path-tree.ts and message-parts.ts find the values.
import type { Json } from '../../contracts/node.ts';
import type { Options, Refuse } from './option-reader.ts';

/** A field of an object, or the index of a list item. */
export type Step = string | number;
export type Path = readonly Step[];

/** Where a column's value comes from if it is not the field with the column's name. */
export type ColumnOrigin =
  /** A value inside the message's value. */
  | { readonly part: 'value'; readonly path: Path }
  /** The message's key, or a value inside it. */
  | { readonly part: 'key'; readonly path: Path }
  | { readonly part: 'header'; readonly name: string }
  | { readonly part: 'headers' | 'topic' | 'partition' | 'offset' | 'timestamp' };

/** Fractional digits of a second, by unit. */
export const EPOCHS = { seconds: 0, milliseconds: 3, microseconds: 6, nanoseconds: 9 } as const;
export type EpochUnit = keyof typeof EPOCHS;

const PARTS = ['key', 'headers', 'topic', 'partition', 'offset', 'timestamp'] as const;
const SOURCES = 'key, header.NAME, headers, topic, partition, offset or timestamp';
const STEP = /\.?([^.[\]]+)|\[(\d+)\]/y;
const TIME_TYPE = /^(?:(?:nullable|lowcardinality)\()*(?:timestamp|date(?!range|multirange))/i;

/**
 * @param type of the column
 * @returns undefined: the value is the field with the column's name
 */
export function originOf({ from, path }: Options, refuse: Refuse): ColumnOrigin | undefined {
  const steps = path === undefined ? [] : pathOf(path, refuse);
  if (from === undefined) {
    if (path === undefined) return undefined;
    return typeof steps[0] === 'number'
      ? refuse("'path' begins with a field: the message is an object")
      : { part: 'value', path: steps };
  }
  if (typeof from !== 'string') return refuse(`'from' must be ${SOURCES}, found ${JSON.stringify(from)}`);
  if (path !== undefined && from !== 'key')
    refuse(`'path' goes into the message's value or its key, and not '${from}'`);
  if (from === 'key') return { part: 'key', path: steps };
  if (from.startsWith('header.') && from.length > 'header.'.length)
    return { part: 'header', name: from.slice('header.'.length) };
  const part = PARTS.find((each) => each !== 'key' && each === from);
  if (part !== undefined && part !== 'key') return { part };
  return refuse(
    `'from' must be ${SOURCES}, found ${JSON.stringify(from)}`,
    from.startsWith('key.') ? `{ from: key, path: ${from.slice('key.'.length)} }` : undefined,
  );
}

/** Whether it is a date or timestamp type, and not a list of them. */
export function isTimeType(type: string): boolean {
  return TIME_TYPE.test(type.trim()) && !type.trim().endsWith('[]');
}

/** @returns fractional digits of a second; undefined without `epoch` */
export function epochOf({ epoch, from }: Options, type: string, refuse: Refuse): number | undefined {
  if (epoch === undefined) return undefined;
  const unit = Object.keys(EPOCHS).find((each): each is EpochUnit => each === epoch);
  if (unit === undefined)
    return refuse(`'epoch' must be one of ${Object.keys(EPOCHS).join(', ')}, found ${JSON.stringify(epoch)}`);
  if (!isTimeType(type)) refuse(`'epoch' needs a column of a date or a timestamp, and this one is ${type}`);
  if (['headers', 'topic', 'partition', 'offset', 'timestamp'].some((each) => each === from))
    refuse(`'epoch' has no meaning for '${String(from)}'`);
  return EPOCHS[unit];
}

/** `a.b[0].c`, or a list of names and numbers for names that contain a point or a bracket. */
function pathOf(value: Json, refuse: Refuse): Path {
  const wrong = (): never =>
    refuse(`'path' must be such as address.city or items[0].price, or a list, found ${JSON.stringify(value)}`);
  if (Array.isArray(value)) {
    const steps = value.map((step) =>
      (typeof step === 'string' && step !== '') || (typeof step === 'number' && Number.isInteger(step) && step >= 0)
        ? step
        : wrong(),
    );
    return steps.length === 0 ? wrong() : steps;
  }
  if (typeof value !== 'string' || value === '' || value.startsWith('.')) return wrong();
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  for (let at = 0; at < value.length; at = STEP.lastIndex) {
    STEP.lastIndex = at;
    const match = STEP.exec(value);
    // A name after another one needs a point.
    if (match === null || (at > 0 && match[1] !== undefined && value[at] !== '.')) return wrong();
    steps.push(match[1] ?? Number(match[2]));
  }
  return steps;
}

/** Formats a path. */
export function pathText(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}
