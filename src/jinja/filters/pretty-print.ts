// Python's `pprint.pformat`: breaks long containers into lines and sorts dicts by key.
import { bounded, checkText, MAX_TEXT } from '../../values/budget.ts';
import { compare } from '../../values/comparison.ts';
import { PyDict } from '../../values/dict.ts';
import { PySet } from '../../values/set.ts';
import { toRepr } from '../../values/text.ts';
import { PyTuple } from '../../values/tuple.ts';
import { typeName } from '../../values/type-name.ts';
import type { Value } from '../../values/value.ts';

const WIDTH = 80;

/** Formats a value as `{{ v | pprint }}` does. */
export function prettyPrint(v: Value): string {
  return pretty(v, 0, 0);
}

/** `indent`: columns to the left. `allowance`: closing brackets that follow on the same line. */
function pretty(v: Value, indent: number, allowance: number): string {
  const flat = flatText(v, WIDTH - indent - allowance);
  if (flat !== null) return flat;
  if (v instanceof PyDict && v.size > 0) {
    const entries = sortedEntries(v);
    const parts = entries.map(([key, value], i) => {
      const name = keyText(key);
      const last = i === entries.length - 1;
      return `${name}: ${pretty(value, indent + 1 + name.length + 2, last ? allowance + 1 : 1)}`;
    });
    return bounded(`{${parts.join(`,\n${' '.repeat(indent + 1)}`)}}`);
  }
  if (Array.isArray(v)) return sequence('[', v, ']', indent, allowance);
  if (v instanceof PyTuple && v.constructor === PyTuple)
    return sequence('(', v.items, v.items.length === 1 ? ',)' : ')', indent, allowance);
  if (v instanceof PySet && v.size > 0) return sequence('{', [...v.values()].sort(safeCompare), '}', indent, allowance);
  if (typeof v === 'string') return longString(v, indent, allowance);
  return toRepr(v);
}

function sequence(open: string, items: readonly Value[], close: string, indent: number, allowance: number): string {
  if (items.length === 0) return open + close;
  const parts = items.map((item, i) => pretty(item, indent + 1, i === items.length - 1 ? allowance + close.length : 1));
  return bounded(`${open}${parts.join(`,\n${' '.repeat(indent + 1)}`)}${close}`);
}

/** Splits long text into adjacent literals at spaces, in parentheses at the top level. */
function longString(text: string, indent: number, allowance: number): string {
  const lines = text.split(/(?<=\n)/);
  const chunks: string[] = [];
  const parentheses = indent === 0;
  const column = parentheses ? indent + 1 : indent;
  const extra = parentheses ? allowance + 1 : allowance;
  const width = WIDTH - column;
  lines.forEach((line, i) => {
    // Closing brackets take space only after the last literal.
    const isLast = i === lines.length - 1;
    if (toRepr(line).length <= width - (isLast ? extra : 0)) {
      chunks.push(toRepr(line));
      return;
    }
    const parts = line.match(/\S*\s*/g)?.filter((p) => p !== '') ?? [];
    let current = '';
    parts.forEach((part, j) => {
      const room = width - (isLast && j === parts.length - 1 ? extra : 0);
      if (current !== '' && toRepr(current + part).length > room) {
        chunks.push(toRepr(current));
        current = part;
      } else {
        current += part;
      }
    });
    if (current !== '') chunks.push(toRepr(current));
  });
  if (chunks.length === 1) return chunks[0] as string;
  const body = chunks.join(`\n${' '.repeat(column)}`);
  return parentheses ? `(${body})` : body;
}

/** Formats a value on one line. Returns null as soon as it exceeds the available width. */
function flatText(v: Value, room: number): string | null {
  if (v instanceof PyDict)
    return flatParts('{', sortedEntries(v), '}', room, ([key, value], left) => {
      const name = flatText(key, left);
      const text = name === null ? null : flatText(value, left - name.length - 2);
      return text === null ? null : `${name}: ${text}`;
    });
  if (Array.isArray(v)) return flatParts('[', v, ']', room, flatText);
  if (v instanceof PyTuple && v.constructor === PyTuple)
    return flatParts('(', v.items, v.items.length === 1 ? ',)' : ')', room, flatText);
  if (v instanceof PySet && v.size > 0) return flatParts('{', [...v.values()].sort(safeCompare), '}', room, flatText);
  const text = toRepr(v);
  return text.length <= room ? text : null;
}

function flatParts<T>(
  open: string,
  items: readonly T[],
  close: string,
  room: number,
  textOf: (item: T, left: number) => string | null,
): string | null {
  let left = room - open.length - close.length;
  const parts: string[] = [];
  for (const item of items) {
    if (parts.length > 0) left -= 2;
    const text = textOf(item, left);
    if (text === null) return null;
    left -= text.length;
    parts.push(text);
  }
  return left < 0 ? null : open + parts.join(', ') + close;
}

/** @throws JinjaError if the key alone exceeds the text limit of a template */
function keyText(key: Value): string {
  const text = flatText(key, MAX_TEXT);
  if (text === null) checkText(MAX_TEXT + 1);
  return text ?? '';
}

function sortedEntries(v: PyDict): [Value, Value][] {
  return [...v.entries()].sort(([a], [b]) => safeCompare(a, b));
}

/** Compares as Python does if the values are comparable, otherwise by type name. */
function safeCompare(a: Value, b: Value): number {
  try {
    return compare(a, b);
  } catch {
    const x = typeName(a);
    const y = typeName(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }
}
