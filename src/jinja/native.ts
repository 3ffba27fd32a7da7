// dbt's native rendering of YAML strings: a string that is a single expression renders to the expression's value, not
// to its text.
import { isFloat } from '../values/arithmetic.ts';
import { PyDict } from '../values/dict.ts';
import { PyFloat } from '../values/float.ts';
import { JinjaError } from '../values/python-error.ts';
import { PyRange } from '../values/range.ts';
import { PySet } from '../values/set.ts';
import { StrSubclass } from '../values/str-subclass.ts';
import { toText } from '../values/text.ts';
import { PyTuple } from '../values/tuple.ts';
import { typeName } from '../values/type-name.ts';
import type { Value } from '../values/value.ts';
import { Markup } from './markup.ts';
import { parseLiteral } from './python-literal.ts';

/** One printed value. `constant`: jinja2 evaluates it at compile time and keeps only its text. */
export interface NativePart {
  readonly value: Value;
  readonly constant: boolean;
}

/** The result of `as_text`, `as_native`, `as_bool` or `as_number`: a str that carries the requested type. */
export class NativeMarker extends StrSubclass {
  readonly jinjaType: string;
  readonly kind: 'text' | 'native' | 'bool' | 'number';

  constructor(text: string, kind: NativeMarker['kind']) {
    super(text);
    this.kind = kind;
    this.jinjaType = `${kind[0]?.toUpperCase()}${kind.slice(1)}Marker`;
  }
}

/** Whether Python can join the value with text. */
export function isText(v: Value): boolean {
  return typeof v === 'string' || v instanceof Markup || v instanceof NativeMarker;
}

/**
 * Returns the value of a rendered YAML string.
 * @throws JinjaError if the value does not have the type that `as_bool` or `as_number` requests
 */
export function nativeConcat(parts: readonly NativePart[]): Value {
  const merged = mergeConstants(parts);
  const [first] = merged;
  if (first === undefined) return '';
  if (merged.length > 1) return merged.map(toText).join('');
  if (!(first instanceof NativeMarker)) return first;
  if (first.kind === 'text') return first.text;
  const value = parseLiteral(first.text) ?? { value: first.text };
  if (first.kind === 'bool' && typeof value.value !== 'boolean') {
    throw new JinjaError('ValueError', `Could not convert value '${first.text}' into type 'bool'`);
  }
  if (first.kind === 'number' && !isNumber(value.value)) {
    throw new JinjaError('ValueError', `Could not convert value '${first.text}' into type 'number'`);
  }
  return value.value;
}

function isNumber(v: Value): boolean {
  const name = typeName(v);
  return name === 'int' || name === 'float' || isFloat(v);
}

/**
 * Whether jinja2 keeps the value of a constant expression: its repr must be a literal that evaluates to the same value.
 */
export function isLiteral(v: Value): boolean {
  if (typeof v !== 'object' || v === null) return typeof v !== 'function';
  if (Array.isArray(v)) return v.every(isLiteral);
  if (v instanceof PyTuple) return v.items.every(isLiteral);
  if (v instanceof PyDict) return Array.from(v.entries()).every((entry) => entry.every(isLiteral));
  return v instanceof Markup || v instanceof PyFloat || v instanceof PyRange || v instanceof PySet;
}

/** Merges consecutive text and constants into one text. */
function mergeConstants(parts: readonly NativePart[]): Value[] {
  const out: Value[] = [];
  let text: string | undefined;
  for (const { value, constant } of parts) {
    if (constant && isLiteral(value)) {
      text = (text ?? '') + toText(value);
      continue;
    }
    if (text !== undefined) out.push(text);
    text = undefined;
    out.push(value);
  }
  if (text !== undefined) out.push(text);
  return out;
}
