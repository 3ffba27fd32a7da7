// Reads the options of a column about the origin of its value (`from`, `path`) and the unit of its times (`epoch`).
// path-tree.ts and message-parts.ts find the values.
import type { ColumnLoad } from '../../settings/load-settings.ts';
import type { Place } from '../../settings/setting.ts';

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

const PARTS = ['headers', 'topic', 'partition', 'offset', 'timestamp'] as const;
const STEP = /\.?([^.[\]]+)|\[(\d+)\]/y;
const TIME_TYPE = /^(?:(?:nullable|lowcardinality)\()*(?:timestamp|date(?!range|multirange))/i;

/** @returns undefined: the value is the field with the column's name */
export function originOf({ from, path }: Pick<ColumnLoad, 'from' | 'path'>, place: Place): ColumnOrigin | undefined {
  const steps = path === null ? [] : pathOf(path, place.at('path'));
  if (from === null) {
    if (path === null) return undefined;
    return typeof steps[0] === 'number'
      ? place.at('path').must('must begin with a field: the message is an object')
      : { part: 'value', path: steps };
  }
  if (path !== null && from !== 'key') place.at('path').must(`cannot be used with 'from: ${from}'`);
  if (from === 'key') return { part: 'key', path: steps };
  const part = PARTS.find((each) => each === from);
  return part === undefined ? { part: 'header', name: from.slice('header.'.length) } : { part };
}

/** Whether it is a date or timestamp type, and not a list of them. */
export function isTimeType(type: string): boolean {
  return TIME_TYPE.test(type.trim()) && !type.trim().endsWith('[]');
}

/** @returns fractional digits of a second; undefined without `epoch` */
export function epochOf({ epoch, from }: Pick<ColumnLoad, 'epoch' | 'from'>, place: Place): number | undefined {
  if (epoch === null) return undefined;
  if (PARTS.some((each) => each === from)) place.at('epoch').must(`has no meaning with 'from: ${from}'`);
  return EPOCHS[epoch];
}

/** `a.b[0].c`, or a list of names and numbers for names that contain a point or a bracket. */
function pathOf(value: string | Path, place: Place): Path {
  if (typeof value !== 'string') return value;
  const wrong = (): never => place.wrong('such as address.city or items[0].price, or a list', value);
  if (value.startsWith('.')) return wrong();
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
