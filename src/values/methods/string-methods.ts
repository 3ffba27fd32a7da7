// Methods of str: case, search, padding and character classes. Splitting is in string-splitting.ts, `format` in
// string-format.ts.
import { checkText } from '../budget.ts';
import { PyBytes } from '../bytes.ts';
import { argumentBinder } from '../callable.ts';
import { PyDict } from '../dict.ts';
import { toArray } from '../iterate.ts';
import { pad } from '../format-number.ts';
import { JinjaError, typeError, valueError } from '../python-error.ts';
import { codeOf, codePoints, textLength } from '../sequence.ts';
import { formatMap, formatText } from '../string-format.ts';
import { isSpaceCharacter } from '../whitespace.ts';
import { PyTuple } from '../tuple.ts';
import { typeName } from '../type-name.ts';
import type { HostObject, Kwargs, Value } from '../value.ts';
import { type AtLeast, checkArity } from './arity.ts';
import { indexArgument } from './list-methods.ts';
import type { Method } from './method.ts';
import { SPLITTING_METHODS } from './string-splitting.ts';

type Entry = readonly [string, Method<string>];

/** Defines a method without arguments. */
function plain(name: string, fn: (self: string) => Value): Entry {
  return [
    name,
    (self, args, kwargs) => {
      if (args.length > 0 || kwargs.size > 0) checkArity(`str.${name}`, args, kwargs, 0, 0);
      return fn(self);
    },
  ];
}

/** Defines a method with positional arguments only. */
function positional<Least extends number>(
  name: string,
  least: Least,
  most: number,
  fn: (self: string, args: AtLeast<Least>) => Value,
): Entry {
  return [
    name,
    (self, args, kwargs) => {
      checkArity(`str.${name}`, args, kwargs, least, most);
      return fn(self, args);
    },
  ];
}

/**
 * Defines a method whose arguments CPython parses with PyArg_ParseTuple, which has a different message for a wrong
 * count.
 */
function searching(name: string, fn: (self: string, args: AtLeast<1>) => Value): Entry {
  return [
    name,
    (self, args, kwargs) => {
      if (kwargs.size > 0) throw typeError(`str.${name}() takes no keyword arguments`);
      const [first, ...rest] = args;
      if (first === undefined) throw typeError(`${name}() takes at least 1 argument (0 given)`);
      if (args.length > 3) throw typeError(`${name}() takes at most 3 arguments (${args.length} given)`);
      return fn(self, [first, ...rest]);
    },
  ];
}

function textArgument(v: Value | undefined): string {
  if (typeof v === 'string') return v;
  throw typeError(`must be str, not ${typeName(v ?? null)}`);
}

/** Converts a start and an end in code points to offsets in UTF-16 units. */
function bounds(self: string, args: readonly Value[]): { text: string; shift: (offset: number) => number } {
  const points = codePoints(self);
  const length = points.length;
  const clamp = (v: Value | undefined, fallback: number) => {
    if (v === undefined || v === null) return fallback;
    if (typeof v !== 'number' && typeof v !== 'boolean')
      throw typeError('slice indices must be integers or None or have an __index__ method');
    const n = indexArgument(v);
    return Math.min(length, n < 0 ? Math.max(0, n + length) : n);
  };
  const from =
    args[1] === undefined || args[1] === null
      ? 0
      : typeof args[1] === 'number' && args[1] > length
        ? args[1]
        : clamp(args[1], 0);
  const to = clamp(args[2], length);
  if (from > to || from > length) return { text: '\u0000', shift: () => -1 };
  if (typeof points === 'string') return { text: points.slice(from, to), shift: (offset) => offset + from };
  const text = points.slice(from, to).join('');
  return { text, shift: (offset) => Array.from(text.slice(0, offset)).length + from };
}

function search(name: string, last: boolean, required: boolean): Entry {
  return searching(name, (self, args) => {
    const part = textArgument(args[0]);
    const { text, shift } = bounds(self, args);
    const outside = text === '\u0000' && shift(0) === -1;
    const at = outside ? -1 : last ? text.lastIndexOf(part) : text.indexOf(part);
    if (at >= 0) return shift(at);
    if (required) throw valueError('substring not found');
    return -1;
  });
}

function affix(name: 'startswith' | 'endswith'): Entry {
  return searching(name, (self, args) => {
    const { text, shift } = bounds(self, args);
    if (text === '\u0000' && shift(0) === -1) return false;
    const test = (part: Value) => {
      if (typeof part !== 'string') throw typeError(`tuple for ${name} must only contain str, not ${typeName(part)}`);
      return name === 'startswith' ? text.startsWith(part) : text.endsWith(part);
    };
    const [first] = args;
    if (first instanceof PyTuple) return first.items.some(test);
    if (typeof first !== 'string')
      throw typeError(`${name} first arg must be str or a tuple of str, not ${typeName(first)}`);
    return test(first);
  });
}

function justify(name: 'ljust' | 'rjust' | 'center'): Entry {
  return positional(name, 1, 2, (self, args) => {
    const width = indexArgument(args[0]);
    const fill = args[1] ?? ' ';
    if (typeof fill !== 'string')
      throw typeError(`The fill character must be a unicode character, not ${typeName(fill)}`);
    if (textLength(fill) !== 1) throw typeError('The fill character must be exactly one character long');
    if (name !== 'center') return pad(self, width, name === 'ljust' ? '<' : '>', fill);
    const missing = width - textLength(self);
    if (missing <= 0) return self;
    const left = Math.floor(missing / 2) + (missing & width & 1);
    return fill.repeat(left) + self + fill.repeat(missing - left);
  });
}

function every(name: string, pattern: RegExp, emptyIs = false): Entry {
  return plain(name, (self) => (self === '' ? emptyIs : pattern.test(self)));
}

function isCase(self: string, upper: boolean): boolean {
  const bad = upper ? /[\p{Lowercase}\p{Lt}]/u : /[\p{Uppercase}\p{Lt}]/u;
  const good = upper ? /\p{Uppercase}/u : /\p{Lowercase}/u;
  return good.test(self) && !bad.test(self);
}

function title(self: string): string {
  const lower = lowerParts(self);
  let inWord = false;
  return Array.from(self, (char, i) => {
    const cased = /\p{Cased}/u.test(char);
    const part = cased ? (inWord ? lower[i] : titleCase(char)) : char;
    inWord = cased;
    return part;
  }).join('');
}

/** Lowercases each character. The final sigma of a word has a special form. */
function lowerParts(self: string): string[] {
  const whole = self.toLowerCase();
  let at = 0;
  return Array.from(self, (char) => {
    const from = at;
    at += char.toLowerCase().length;
    return whole.slice(from, at);
  });
}

function titleCase(char: string): string {
  const upper = char.toUpperCase();
  if (Array.from(upper).length > 1)
    return (Array.from(upper)[0] as string) + Array.from(upper).slice(1).join('').toLowerCase();
  return DIGRAPHS.get(char) ?? upper;
}

const DIGRAPHS: ReadonlyMap<string, string> = new Map(
  ['Ǆǅǆ', 'Ǉǈǉ', 'Ǌǋǌ', 'Ǳǲǳ'].flatMap((group) => [...group].map((char) => [char, group[1] as string] as const)),
);

function isTitle(self: string): boolean {
  let inWord = false;
  let found = false;
  for (const char of self) {
    if (/[\p{Lu}\p{Lt}]/u.test(char)) {
      if (inWord) return false;
      inWord = true;
      found = true;
    } else if (/\p{Lowercase}/u.test(char)) {
      if (!inWord) return false;
      found = true;
    } else {
      inWord = false;
    }
  }
  return found;
}

/** Cherokee: its capitals are the older letters, so case folding maps to capitals. */
const CHEROKEE = /[\u13a0-\u13fd\uab70-\uabbf]/;

function caseFold(self: string): string {
  let out = '';
  for (const char of self) {
    const upper = char.toUpperCase();
    if (CHEROKEE.test(char)) out += upper;
    else out += char === 'ı' ? char : Array.from(upper, (c) => c.toLowerCase()).join('');
  }
  return out;
}

function swapCase(self: string): string {
  const lower = lowerParts(self);
  return Array.from(self, (char, i) => (/\p{Uppercase}/u.test(char) ? lower[i] : char.toUpperCase())).join('');
}

function replace(self: string, args: readonly Value[]): string {
  const [old, fresh, limit = -1] = args;
  if (typeof old !== 'string') throw typeError(`replace() argument 1 must be str, not ${typeName(old as Value)}`);
  if (typeof fresh !== 'string') throw typeError(`replace() argument 2 must be str, not ${typeName(fresh as Value)}`);
  const count = indexArgument(limit);
  if (old === '') {
    const points = Array.from(self);
    const most = count < 0 ? points.length + 1 : count;
    checkText(self.length + Math.min(most, points.length + 1) * fresh.length);
    return points.map((char, i) => (i < most ? fresh + char : char)).join('') + (points.length < most ? fresh : '');
  }
  if (count < 0) {
    const parts = self.split(old);
    checkText(self.length + (parts.length - 1) * (fresh.length - old.length));
    return parts.join(fresh);
  }
  let out = '';
  let start = 0;
  for (let n = 0; n < count; n++) {
    const at = self.indexOf(old, start);
    if (at < 0) break;
    out += self.slice(start, at) + fresh;
    start = at + old.length;
  }
  return out + self.slice(start);
}

function zeroFill(self: string, width: number): string {
  const missing = width - textLength(self);
  if (missing <= 0) return self;
  const sign = self.startsWith('+') || self.startsWith('-') ? self.charAt(0) : '';
  return sign + '0'.repeat(missing) + self.slice(sign.length);
}

function expandTabs(self: string, size: number): string {
  let out = '';
  let column = 0;
  for (const char of self) {
    if (char === '\t') {
      const spaces = size > 0 ? size - (column % size) : 0;
      out += ' '.repeat(spaces);
      column += spaces;
    } else {
      out += char;
      column = char === '\n' || char === '\r' ? 0 : column + 1;
    }
  }
  return out;
}

const bindTabs = argumentBinder('expandtabs', 'tabsize=8');
const bindEncode = argumentBinder('encode', "encoding='utf-8', errors='strict'");

function encode(self: string, args: readonly Value[], kwargs: Kwargs): Value {
  const [encoding, errors] = bindEncode(args, kwargs);
  if (typeof encoding !== 'string')
    throw typeError(`encode() argument 'encoding' must be str, not ${typeName(encoding as Value)}`);
  const name = encoding.toLowerCase().replaceAll('_', '-');
  if (name === 'utf-8' || name === 'utf8') return new PyBytes(new TextEncoder().encode(self));
  const limit =
    name === 'ascii' || name === 'us-ascii'
      ? 0x80
      : name === 'latin-1' || name === 'latin1' || name === 'iso-8859-1'
        ? 0x100
        : undefined;
  if (limit === undefined) throw new JinjaError('LookupError', `unknown encoding: ${encoding}`);
  const bytes: number[] = [];
  Array.from(self).forEach((char, i) => {
    const code = codeOf(char);
    if (code < limit) bytes.push(code);
    else if (errors === 'replace') bytes.push(63);
    else if (errors !== 'ignore') {
      const codec = limit === 0x80 ? 'ascii' : 'latin-1';
      throw new JinjaError(
        'UnicodeError',
        `'${codec}' codec can't encode character '\\u${code.toString(16).padStart(4, '0')}' in position ${i}: ` +
          `ordinal not in range(${limit})`,
      );
    }
  });
  return new PyBytes(Uint8Array.from(bytes));
}

function makeTranslation(args: readonly Value[]): Value {
  const [from, to, remove] = args;
  const table = new PyDict();
  if (to === undefined) {
    if (!(from instanceof PyDict)) throw typeError('if you give only one argument to maketrans it must be a dict');
    for (const [key, value] of from.entries()) table.set(typeof key === 'string' ? codeOf(key) : key, value);
    return table;
  }
  const source = Array.from(textArgument(from));
  const target = Array.from(textArgument(to));
  if (source.length !== target.length) throw valueError('the first two maketrans arguments must have equal length');
  source.forEach((char, i) => {
    table.set(codeOf(char), codeOf(target[i] ?? ''));
  });
  if (remove !== undefined) for (const char of textArgument(remove)) table.set(codeOf(char), null);
  return table;
}

function translate(self: string, table: Value): string {
  if (!(table instanceof PyDict)) throw typeError(`'${typeName(table)}' object is not subscriptable`);
  let out = '';
  for (const char of self) {
    const value = table.get(codeOf(char));
    if (value === undefined) out += char;
    else if (typeof value === 'number') out += String.fromCodePoint(value);
    else if (typeof value === 'string') out += value;
    else if (value !== null) throw typeError('character mapping must return integer, None or str');
  }
  return out;
}

const OWN: readonly Entry[] = [
  plain('lower', (self) => self.toLowerCase()),
  plain('upper', (self) => self.toUpperCase()),
  plain('casefold', caseFold),
  plain('swapcase', swapCase),
  plain('title', title),
  plain('capitalize', (self) => {
    const [first = ''] = self;
    return titleCase(first) + lowerParts(self).slice(1).join('');
  }),
  positional('join', 1, 1, (self, args) => {
    let items: readonly Value[];
    try {
      items = toArray(args[0]).map(plainText);
    } catch (error) {
      if (error instanceof JinjaError && error.type !== 'TypeError') throw error;
      throw typeError('can only join an iterable');
    }
    items.forEach((item, i) => {
      if (typeof item !== 'string')
        throw typeError(`sequence item ${i}: expected str instance, ${typeName(item)} found`);
    });
    return items.join(self);
  }),
  search('find', false, false),
  search('rfind', true, false),
  search('index', false, true),
  search('rindex', true, true),
  searching('count', (self, args) => {
    const part = textArgument(args[0]);
    const { text, shift } = bounds(self, args);
    if (text === '\u0000' && shift(0) === -1) return 0;
    return part === '' ? textLength(text) + 1 : text.split(part).length - 1;
  }),
  affix('startswith'),
  affix('endswith'),
  positional('removeprefix', 1, 1, (self, args) => {
    if (typeof args[0] !== 'string') throw typeError(`removeprefix() argument must be str, not ${typeName(args[0])}`);
    return self.startsWith(args[0]) ? self.slice(args[0].length) : self;
  }),
  positional('removesuffix', 1, 1, (self, args) => {
    if (typeof args[0] !== 'string') throw typeError(`removesuffix() argument must be str, not ${typeName(args[0])}`);
    return args[0] !== '' && self.endsWith(args[0]) ? self.slice(0, -args[0].length) : self;
  }),
  positional('replace', 2, 3, replace),
  justify('ljust'),
  justify('rjust'),
  justify('center'),
  positional('zfill', 1, 1, (self, args) => zeroFill(self, indexArgument(args[0]))),
  ['expandtabs', (self, args, kwargs) => expandTabs(self, indexArgument(bindTabs(args, kwargs)[0] as Value))],
  ['encode', encode],
  positional('maketrans', 1, 3, (_self, args) => makeTranslation(args)),
  positional('translate', 1, 1, (self, args) => translate(self, args[0])),
  ['format', (self, args, kwargs) => formatText(self, args, kwargs)],
  positional('format_map', 1, 1, (self, args) => formatMap(self, args[0])),
  every('isalnum', /^[\p{L}\p{N}]+$/u),
  every('isalpha', /^\p{L}+$/u),
  every('isascii', /^[\x00-\x7f]*$/, true),
  every('isdecimal', /^\p{Nd}+$/u),
  every(
    'isdigit',
    new RegExp(
      String.raw`^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-` +
        String.raw`\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792]+$`,
      'u',
    ),
  ),
  every(
    'isnumeric',
    /^[\p{N}\u3405\u3483\u4e00\u4e03\u4e07\u4e09\u4e5d\u4e8c\u4e94\u516b\u516d\u5341\u5343\u56db\u767e\u842c\u5104]+$/u,
  ),
  every('isidentifier', /^[\p{XID_Start}_]\p{XID_Continue}*$/u),
  every('isprintable', /^(?:[^\p{C}\p{Z}]| )*$/u, true),
  plain('islower', (self) => isCase(self, false)),
  plain('isupper', (self) => isCase(self, true)),
  plain('istitle', isTitle),
  plain('isspace', (self) => self !== '' && Array.from(self).every(isSpaceCharacter)),
  ...SPLITTING_METHODS,
];

/** A subclass of str, such as markupsafe's Markup, is a str. Formatting needs to know the type. */
const METHODS: ReadonlyMap<string, Method<string>> = new Map(
  OWN.map(([name, method]): Entry => {
    if (name.startsWith('format')) return [name, method];
    return [name, (self, args, kwargs) => method(self, args.some(isTextObject) ? args.map(plainText) : args, kwargs)];
  }),
);

function isTextObject(v: Value): v is HostObject {
  return typeof v === 'object' && v !== null && !Array.isArray(v) && typeof v.jinjaKey?.() === 'string';
}

function plainText(v: Value): Value {
  return isTextObject(v) ? (v.jinjaKey?.() as string) : v;
}

/** Returns the unbound method of that name. */
export function getStringMethod(name: string): Method<string> | undefined {
  return METHODS.get(name);
}
