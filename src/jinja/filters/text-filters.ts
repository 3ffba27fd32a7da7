// Filters over text: case, trimming, replacing, wrapping, formatting.
import { PyBytes } from '../../values/bytes.ts';
import { NO_KWARGS } from '../../values/call.ts';
import { PyDict } from '../../values/dict.ts';
import { lengthOf } from '../../values/iterate.ts';
import { getStringMethod } from '../../values/methods/string-methods.ts';
import { indexArgument } from '../../values/methods/list-methods.ts';
import { add, isFloat, modulo, multiply, subtract } from '../../values/arithmetic.ts';
import { compare } from '../../values/comparison.ts';
import { JinjaError, typeError } from '../../values/python-error.ts';
import { codePoints } from '../../values/sequence.ts';
import { toText } from '../../values/text.ts';
import { isTruthy } from '../../values/truth.ts';
import { PyTuple } from '../../values/tuple.ts';
import { attributeOwnerName, typeName } from '../../values/type-name.ts';
import { Undefined } from '../../values/undefined.ts';
import type { Value } from '../../values/value.ts';
import { Markup } from '../markup.ts';
import { type FilterFunction, filter, simpleFilter } from './filter.ts';
import { prettyPrint } from './pretty-print.ts';
import { wrapText } from './text-wrap.ts';

/** `soft_str(v)`: returns text unchanged, so that safe text stays safe. */
function softText(v: Value): string {
  return toText(v);
}

function call(method: string, self: string, ...args: Value[]): Value {
  const fn = getStringMethod(method);
  if (fn === undefined) throw new JinjaError('AttributeError', `'str' object has no attribute '${method}'`);
  return fn(self, args, NO_KWARGS);
}

function likeInput(input: Value, text: Value): Value {
  return input instanceof Markup && typeof text === 'string' ? new Markup(text) : text;
}

function caseFilter(name: string, method: string): FilterFunction {
  return simpleFilter(name, 's', (value) => likeInput(value, call(method, softText(value))));
}

const title = simpleFilter('do_title', 's', (value) =>
  softText(value)
    .split(/([-\s({[<]+)/)
    .filter((part) => part !== '')
    .map((part) => {
      const [first = '', ...rest] = Array.from(part);
      return first.toUpperCase() + (call('lower', rest.join('')) as string);
    })
    .join(''),
);

const trim = filter('do_trim', 'value, chars=None', (_context, value, chars) =>
  likeInput(value, call('strip', softText(value), chars)),
);

const replace = filter('do_replace', 'eval_ctx, s, old, new, count=None', () => null);

const fastReplace: FilterFunction = (context, value, args, kwargs) => {
  const [old = kwargs.get('old'), fresh = kwargs.get('new'), count = kwargs.get('count') ?? null] = args;
  if (old === undefined || fresh === undefined || args.length > 3) replace(context, null, [value, ...args], kwargs);
  const result = call(
    'replace',
    toText(value),
    toText(old as Value),
    toText(fresh as Value),
    count === null ? -1 : count,
  );
  return context.autoescape ? likeInput(value, result) : result;
};

const center = filter('do_center', 'value, width=80', (_context, value, width) =>
  likeInput(value, call('center', softText(value), width)),
);

function noSplitLines(v: Value): JinjaError {
  return v instanceof Undefined
    ? v.error()
    : new JinjaError('AttributeError', `'${attributeOwnerName(v)}' object has no attribute 'splitlines'`);
}

const indent = filter('do_indent', 's, width=4, first=False, blank=False', (_context, value, width, first, blank) => {
  const source = value;
  const indention = toText(typeof width === 'string' ? width : multiply(' ', width));
  if (source instanceof Undefined) throw source.error();
  if (typeof source !== 'string' && !(source instanceof Markup)) {
    if (source instanceof PyBytes) throw typeError("can't concat str to bytes");
    if (Array.isArray(source)) throw noSplitLines(source);
    if (source instanceof PyTuple) throw typeError('can only concatenate tuple (not "str") to tuple');
    throw typeError(`unsupported operand type(s) for +=: '${typeName(source)}' and 'str'`);
  }
  const lines = call('splitlines', `${toText(source)}\n`) as string[];
  let out: string;
  if (isTruthy(blank)) {
    out = lines.join(`\n${indention}`);
  } else {
    out = lines.map((line, i) => (i === 0 || line === '' ? line : indention + line)).join('\n');
  }
  return likeInput(source, isTruthy(first) ? indention + out : out);
});

const truncate = filter('do_truncate', "env, s, length=255, killwords=False, end='...', leeway=None", () => null);

/** Python's error for a value that is not text: slicing works on any sequence, and the next step fails. */
function cannotTruncate(v: Value, killWords: boolean): JinjaError {
  const name = typeName(v);
  if (name === 'dict') return typeError("unhashable type: 'slice'");
  if (name === 'bytes')
    return typeError(killWords ? "can't concat str to bytes" : "a bytes-like object is required, not 'str'");
  if (!Array.isArray(v) && !(v instanceof PyTuple) && name !== 'range')
    return typeError(`'${name}' object is not subscriptable`);
  if (!killWords) return new JinjaError('AttributeError', `'${name}' object has no attribute 'rsplit'`);
  return typeError(
    name === 'range'
      ? "unsupported operand type(s) for +: 'range' and 'str'"
      : `can only concatenate ${name} (not "str") to ${name}`,
  );
}

const truncateText: FilterFunction = (context, value, args, kwargs) => {
  const bound = new Map<string, Value>();
  ['length', 'killwords', 'end', 'leeway'].forEach((name, i) => {
    const given = i < args.length ? args[i] : kwargs.get(name);
    if (given !== undefined) bound.set(name, given);
  });
  if (args.length > 4 || bound.size !== args.length + kwargs.size) truncate(context, null, [value, ...args], kwargs);
  const given = (name: string, fallback: Value): Value => (bound.has(name) ? (bound.get(name) as Value) : fallback);
  const length = given('length', 255);
  const end = given('end', '...');
  const leeway = given('leeway', null) ?? 5;
  const killWords = isTruthy(given('killwords', false));
  if (compare(length, lengthOf(end), '>=') < 0)
    throw new JinjaError('ValueError', `expected length >= ${lengthOf(end)}, got ${toText(length)}`);
  if (compare(leeway, 0, '>=') < 0) throw new JinjaError('ValueError', `expected leeway >= 0, got ${toText(leeway)}`);
  if (compare(lengthOf(value), add(length, leeway), '<=') <= 0) return value;
  if (typeof value !== 'string' && !(value instanceof Markup)) throw cannotTruncate(value, killWords);
  const size = subtract(length, lengthOf(end));
  if (isFloat(size)) throw typeError('slice indices must be integers or None or have an __index__ method');
  const cut = Array.from(codePoints(toText(value)).slice(0, Number(size))).join('');
  const space = killWords ? -1 : cut.lastIndexOf(' ');
  return add(likeInput(value, space < 0 ? cut : cut.slice(0, space)), end);
};

const wordwrap = filter(
  'do_wordwrap',
  'environment, s, width=79, break_long_words=True, wrapstring=None, break_on_hyphens=True',
  (_context, value, width, breakLong, wrapString, breakHyphens) => {
    if (value instanceof PyBytes) {
      if (value.jinjaLength() === 0) return '';
      throw typeError('cannot use a string pattern on a bytes-like object');
    }
    if (typeof value !== 'string' && !(value instanceof Markup)) throw noSplitLines(value);
    const separator = wrapString === null ? '\n' : toText(wrapString);
    const lines = call('splitlines', toText(value)) as string[];
    if (width instanceof Undefined && lines.length > 0) throw width.error();
    const options = {
      width: indexArgument(width),
      breakLongWords: isTruthy(breakLong),
      breakOnHyphens: isTruthy(breakHyphens),
    };
    return lines.map((line) => wrapText(line, options).join(separator)).join(separator);
  },
);

const wordcount = simpleFilter('do_wordcount', 's', (value) => softText(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0);

const format: FilterFunction = (_context, value, args, kwargs) => {
  if (args.length > 0 && kwargs.size > 0)
    throw new JinjaError('FilterArgumentError', "can't handle positional and keyword arguments at the same time");
  return modulo(
    value instanceof Markup ? value : softText(value),
    kwargs.size > 0 ? new PyDict(kwargs) : new PyTuple(args),
  );
};

const string = simpleFilter('soft_str', 's', (value) => (value instanceof Markup ? value : toText(value)));

const defaultFilter = filter(
  'do_default',
  "value, default_value='', boolean=False",
  (_context, value, fallback, boolean) =>
    value instanceof Undefined || (isTruthy(boolean) && !isTruthy(value)) ? fallback : value,
);

const pprint = simpleFilter('do_pprint', 'value', (value) => prettyPrint(value));

export const TEXT_FILTERS: readonly (readonly [string, FilterFunction])[] = [
  ['capitalize', caseFilter('do_capitalize', 'capitalize')],
  ['center', center],
  ['d', defaultFilter],
  ['default', defaultFilter],
  ['format', format],
  ['indent', indent],
  ['lower', caseFilter('do_lower', 'lower')],
  ['pprint', pprint],
  ['replace', fastReplace],
  ['string', string],
  ['title', title],
  ['trim', trim],
  ['truncate', truncateText],
  ['upper', caseFilter('do_upper', 'upper')],
  ['wordcount', wordcount],
  ['wordwrap', wordwrap],
];
