// Python's `str` and `repr`.
import { codeOf } from './sequence.ts';
import { checkText, enter, walk } from './budget.ts';
import { PyDict, PyOrderedDict } from './dict.ts';
import { floatRepr } from './float.ts';
import { valueError } from './python-error.ts';
import type { HostObject, Value } from './value.ts';

/** Shorter texts are not checked against the limit. */
const MUCH = 10_000_000;

/** `str(v)`: what `{{ v }}` prints. */
export function toText(v: Value): string {
  switch (typeof v) {
    case 'string':
      return v;
    case 'number':
      return Number.isInteger(v) ? (v === 0 ? '0' : String(v)) : floatRepr(v);
    case 'boolean':
      return v ? 'True' : 'False';
    case 'bigint':
      return bigintText(v);
    case 'function':
      return v.face?.text?.() ?? `<function ${v.name || 'anonymous'}>`;
    default:
      if (v === null) return 'None';
      if (Array.isArray(v)) return listRepr(v, []);
      if (v instanceof PyDict) return dictRepr(v, []);
      return v.jinjaText?.() ?? v.jinjaRepr?.() ?? `<${v.jinjaType} object>`;
  }
}

/** `repr(v)`: how `v` prints inside a list. */
export function toRepr(v: Value): string {
  return repr(v, []);
}

function repr(v: Value, open: HostObject[]): string {
  if (typeof v === 'string') return stringRepr(v);
  if (typeof v !== 'object' || v === null) return toText(v);
  if (Array.isArray(v)) return listRepr(v, open as unknown[]);
  if (v instanceof PyDict) return dictRepr(v, open);
  return v.jinjaRepr?.() ?? v.jinjaText?.() ?? `<${v.jinjaType} object>`;
}

/** Concatenates the texts of items. @throws JinjaError if the result is too long */
export function joined<T>(items: Iterable<T>, text: (item: T) => string): string {
  const parts: string[] = [];
  let length = 0;
  for (const item of items) {
    const part = text(item);
    length += part.length + 2;
    if (length > MUCH) checkText(length);
    parts.push(part);
  }
  return parts.join(', ');
}

/** `open`: the containers being printed; a list that contains itself prints as `[...]`. */
function listRepr(v: Value[], open: unknown[]): string {
  if (open.includes(v)) return '[...]';
  const outside = enter();
  open.push(v);
  try {
    return `[${joined(v, (x) => repr(x, open as HostObject[]))}]`;
  } finally {
    walk.depth = outside;
    open.pop();
  }
}

function dictRepr(v: PyDict, open: HostObject[]): string {
  if (open.includes(v)) return '{...}';
  const outside = enter();
  open.push(v);
  const ordered = v instanceof PyOrderedDict;
  let text = '';
  try {
    text = joined(
      v.entries(),
      ([key, value]) =>
        `${ordered ? '(' : ''}${repr(key, open)}${ordered ? ', ' : ': '}${repr(value, open)}${ordered ? ')' : ''}`,
    );
  } finally {
    walk.depth = outside;
    open.pop();
  }
  return ordered ? `OrderedDict(${text ? `[${text}]` : ''})` : `{${text}}`;
}

const MAX_DIGITS = 4300;

function bigintText(v: bigint): string {
  const text = v.toString();
  if (text.length > MAX_DIGITS + 1) {
    throw valueError(
      `Exceeds the limit (${MAX_DIGITS} digits) for integer string conversion; use ` +
        'sys.set_int_max_str_digits() to increase the limit',
    );
  }
  return text;
}

const PLAIN = /^[ !#-&(-[\]-~]*$/;
const SPECIAL = /[\\'\p{C}\p{Z}]/gu;

/** `repr` of a str: Python's choice of quotes, with unprintable characters escaped. */
export function stringRepr(text: string): string {
  if (PLAIN.test(text)) return `'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(SPECIAL, (char) => {
    switch (char) {
      case ' ':
        return ' ';
      case '\\':
        return '\\\\';
      case "'":
        return quote === "'" ? "\\'" : "'";
      case '\n':
        return '\\n';
      case '\r':
        return '\\r';
      case '\t':
        return '\\t';
      default: {
        const code = codeOf(char);
        if (code < 0x100) return `\\x${hex(code, 2)}`;
        return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
      }
    }
  });
  return quote + body + quote;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, '0');
}
