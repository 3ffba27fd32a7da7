// Python's `pprint.pformat`: long containers over several lines, dicts sorted by key.
import { compare } from '../../values/comparison.ts';
import { PyDict } from '../../values/dict.ts';
import { PySet } from '../../values/set.ts';
import { toRepr } from '../../values/text.ts';
import { PyTuple } from '../../values/tuple.ts';
import { typeName } from '../../values/type-name.ts';
import type { Value } from '../../values/value.ts';

const WIDTH = 80;

/** The value as `{{ v | pprint }}` shows it. */
export function prettyPrint(v: Value): string {
  return pretty(v, 0, 0);
}

/** `indent`: columns to the left; `allowance`: closing brackets that follow on the same line. */
function pretty(v: Value, indent: number, allowance: number): string {
  const flat = flatText(v);
  if (flat.length <= WIDTH - indent - allowance) return flat;
  if (v instanceof PyDict && v.size > 0) {
    const entries = sortedEntries(v);
    const parts = entries.map(([key, value], i) => {
      const name = flatText(key);
      const last = i === entries.length - 1;
      return `${name}: ${pretty(value, indent + 1 + name.length + 2, last ? allowance + 1 : 1)}`;
    });
    return `{${parts.join(`,\n${' '.repeat(indent + 1)}`)}}`;
  }
  if (Array.isArray(v)) return sequence('[', v, ']', indent, allowance);
  if (v instanceof PyTuple && v.constructor === PyTuple)
    return sequence('(', v.items, v.items.length === 1 ? ',)' : ')', indent, allowance);
  if (v instanceof PySet && v.size > 0) return sequence('{', [...v.values()].sort(safeCompare), '}', indent, allowance);
  if (typeof v === 'string') return longString(v, indent, allowance);
  return flat;
}

function sequence(open: string, items: readonly Value[], close: string, indent: number, allowance: number): string {
  if (items.length === 0) return open + close;
  const parts = items.map((item, i) => pretty(item, indent + 1, i === items.length - 1 ? allowance + close.length : 1));
  return `${open}${parts.join(`,\n${' '.repeat(indent + 1)}`)}${close}`;
}

/** A long text is shown as adjacent literals, cut at spaces, in parentheses at the top level. */
function longString(text: string, indent: number, allowance: number): string {
  const lines = text.split(/(?<=\n)/);
  const chunks: string[] = [];
  const parentheses = indent === 0;
  const column = parentheses ? indent + 1 : indent;
  const extra = parentheses ? allowance + 1 : allowance;
  let width = WIDTH - column;
  lines.forEach((line, i) => {
    if (i === lines.length - 1) width -= extra;
    if (toRepr(line).length <= width) {
      chunks.push(toRepr(line));
      return;
    }
    const parts = line.match(/\S*\s*/g)?.filter((p) => p !== '') ?? [];
    let current = '';
    for (const part of parts) {
      if (current !== '' && toRepr(current + part).length > width) {
        chunks.push(toRepr(current));
        current = part;
      } else {
        current += part;
      }
    }
    if (current !== '') chunks.push(toRepr(current));
  });
  if (chunks.length === 1) return chunks[0] as string;
  const body = chunks.join(`\n${' '.repeat(column)}`);
  return parentheses ? `(${body})` : body;
}

function flatText(v: Value): string {
  if (v instanceof PyDict)
    return `{${sortedEntries(v)
      .map(([key, value]) => `${flatText(key)}: ${flatText(value)}`)
      .join(', ')}}`;
  if (Array.isArray(v)) return `[${v.map(flatText).join(', ')}]`;
  if (v instanceof PyTuple && v.constructor === PyTuple)
    return v.items.length === 1 ? `(${flatText(v.items[0] as Value)},)` : `(${v.items.map(flatText).join(', ')})`;
  if (v instanceof PySet && v.size > 0) return `{${[...v.values()].sort(safeCompare).map(flatText).join(', ')}}`;
  return toRepr(v);
}

function sortedEntries(v: PyDict): [Value, Value][] {
  return [...v.entries()].sort(([a], [b]) => safeCompare(a, b));
}

/** Python's order where there is one, else by the name of the type. */
function safeCompare(a: Value, b: Value): number {
  try {
    return compare(a, b);
  } catch {
    const x = typeName(a);
    const y = typeName(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }
}
