// Text that is known to be safe HTML, as `escape`, `safe` and `tojson` return it: a str that escapes whatever is joined
// to it.
import { lookupItem } from '../values/access.ts';
import { isFloat, multiply } from '../values/arithmetic.ts';
import { numericOf } from '../values/equality.ts';
import { iterate } from '../values/iterate.ts';
import { argumentBinder } from '../values/callable.ts';
import { NO_KWARGS } from '../values/call.ts';
import { bindMethod, type Method } from '../values/methods/method.ts';
import { getStringMethod } from '../values/methods/string-methods.ts';
import { formatPercent } from '../values/percent-format.ts';
import { typeError, valueError } from '../values/python-error.ts';
import { type FormatField, formatMap, formatText, formatValue } from '../values/string-format.ts';
import { typeName } from '../values/type-name.ts';
import { stringRepr, toText } from '../values/text.ts';
import { strOf, TextObject } from '../values/text-object.ts';
import { PyTuple } from '../values/tuple.ts';
import type { Value } from '../values/value.ts';

/** Methods whose second argument is escaped, and methods whose result is a plain value. */
const ESCAPES_SECOND: ReadonlySet<string> = new Set(['replace', 'ljust', 'rjust', 'center']);
const PLAIN_RESULTS: ReadonlySet<string> = new Set(['encode', 'maketrans']);
/** Methods that markupsafe inherits from str. It wraps all others in Python. */
const OF_STR: ReadonlySet<string> = new Set([
  'count',
  'encode',
  'endswith',
  'find',
  'index',
  'isalnum',
  'isalpha',
  'isascii',
  'isdecimal',
  'isdigit',
  'isidentifier',
  'islower',
  'isnumeric',
  'isprintable',
  'isspace',
  'istitle',
  'isupper',
  'maketrans',
  'rfind',
  'rindex',
  'startswith',
]);

/** Signatures of markupsafe's own methods. */
const SIGNATURES: ReadonlyMap<string, string> = new Map([
  ['join', 'self, iterable'],
  ['split', 'self, sep=None, maxsplit=-1'],
  ['rsplit', 'self, sep=None, maxsplit=-1'],
  ['splitlines', 'self, keepends=False'],
  ['replace', 'self, old, new, count=-1'],
  ['ljust', "self, width, fillchar=' '"],
  ['rjust', "self, width, fillchar=' '"],
  ['center', "self, width, fillchar=' '"],
  ['lstrip', 'self, chars=None'],
  ['rstrip', 'self, chars=None'],
  ['strip', 'self, chars=None'],
  ['translate', 'self, table'],
  ['expandtabs', 'self, tabsize=8'],
  ['zfill', 'self, width'],
  ['removeprefix', 'self, prefix'],
  ['removesuffix', 'self, suffix'],
  ['partition', 'self, sep'],
  ['rpartition', 'self, sep'],
  ...['capitalize', 'title', 'lower', 'upper', 'swapcase', 'casefold'].map((name): [string, string] => [name, 'self']),
]);

export class Markup extends TextObject {
  readonly jinjaType = 'markupsafe.Markup';

  jinjaGet(name: string): Value | undefined {
    if (name === 'striptags') return () => stripTags(this.text);
    if (name === 'unescape') return () => unescapeText(this.text);
    if (name === '__html__') return () => this;
    const method = SAFE_METHODS.get(name) ?? getStringMethod(name);
    if (method === undefined) return undefined;
    const signature = SIGNATURES.get(name);
    const bind = signature === undefined ? undefined : argumentBinder(`Markup.${name}`, signature);
    const bound = bindMethod<string>(
      name,
      (self, given, keywords) => {
        const args = bind === undefined ? given : bind([this, ...given], keywords).slice(1);
        const kwargs = bind === undefined ? keywords : NO_KWARGS;
        const escaped = SAFE_METHODS.has(name)
          ? args
          : name === 'join'
            ? [Array.from(iterate(args[0] ?? null), (x) => escapeValue(x).text)]
            : args.map((a, i) =>
                a instanceof Markup || (i === 1 && ESCAPES_SECOND.has(name)) ? escapeValue(a).text : a,
              );
        const result = method(self, escaped, kwargs);
        return PLAIN_RESULTS.has(name) ? result : marked(result);
      },
      this.text,
    );
    if (!OF_STR.has(name) && bound.face?.type !== 'function')
      bound.face = { type: 'method', text: () => `<built-in method ${name}>` };
    return bound;
  }

  jinjaItem(key: Value): Value | undefined {
    const item = lookupItem(this.text, key);
    return typeof item === 'string' ? new Markup(item) : item;
  }

  jinjaRepr(): string {
    return `Markup(${stringRepr(this.text)})`;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    if (op === '+' && strOf(other) !== undefined) {
      const text = escapeValue(other).text;
      return new Markup(reflected ? text + this.text : this.text + text);
    }
    if (op === '*') {
      const n = numericOf(other);
      if (n === undefined || isFloat(other))
        throw typeError(`'${typeName(other)}' object cannot be interpreted as an integer`);
      return marked(multiply(this.text, other));
    }
    if (op === '%' && !reflected)
      return new Markup(formatPercent(this.text, other, undefined, (v, text) => escapeValue(text ?? v).text));
    return undefined;
  }
}

/** Escapes each field. */
const writeSafely: FormatField = (value, spec) => {
  if (!(value instanceof Markup)) return escapeValue(formatValue(value, spec)).text;
  if (spec !== '') throw valueError('Unsupported format specification for Markup.');
  return value.text;
};
const SAFE_METHODS: ReadonlyMap<string, Method<string>> = new Map<string, Method<string>>([
  ['format', (self, args, kwargs) => formatText(self, args, kwargs, writeSafely)],
  ['format_map', (self, args) => formatMap(self, args[0], writeSafely)],
]);

function marked(v: Value): Value {
  if (typeof v === 'string') return new Markup(v);
  if (Array.isArray(v)) return v.map(marked);
  return v instanceof PyTuple ? new PyTuple(v.items.map(marked)) : v;
}

const ESCAPES: { readonly [char: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};

/** Returns the value as safe text. Text that is already safe is returned unchanged. */
export function escapeValue(v: Value): Markup {
  if (v instanceof Markup) return v;
  return new Markup(escapeText(toText(v)));
}

/** Escapes text for HTML as markupsafe does. */
export function escapeText(text: string): string {
  return text.replace(/[&<>'"]/g, (char) => ESCAPES[char] as string);
}

const NAMED: { readonly [name: string]: string } = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  raquo: '»',
  laquo: '«',
};

function unescapeText(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return NAMED[name ?? ''] ?? whole;
    },
  );
}

/** Removes comments and tags and collapses white space to single spaces. */
export function stripTags(text: string): string {
  let out = '';
  let from = 0;
  for (let start = text.indexOf('<'); start >= 0; start = text.indexOf('<', from)) {
    const close = text.startsWith('<!--', start) ? '-->' : '>';
    const end = text.indexOf(close, start + (close === '>' ? 0 : 4));
    if (end < 0) break;
    out += text.slice(from, start);
    from = end + close.length;
  }
  out += text.slice(from);
  return unescapeText(
    out
      .split(/\s+/)
      .filter((word) => word !== '')
      .join(' '),
  );
}
