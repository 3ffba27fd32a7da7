// Filters over sequences: sorting, grouping, selecting, slicing.
import { lookupAttribute } from '../../values/access.ts';
import { checkItems } from '../../values/budget.ts';
import { compare } from '../../values/comparison.ts';
import { add } from '../../values/arithmetic.ts';
import { PyDict } from '../../values/dict.ts';
import { PyDictView } from '../../values/dict-view.ts';
import { equals } from '../../values/equality.ts';
import { mapKey } from '../../values/hash.ts';
import { collect, iterate, lengthOf, toArray } from '../../values/iterate.ts';
import { indexArgument } from '../../values/methods/list-methods.ts';
import { JinjaError, typeError } from '../../values/python-error.ts';
import { toRepr, toText } from '../../values/text.ts';
import { isTruthy } from '../../values/truth.ts';
import { PyTuple } from '../../values/tuple.ts';
import { attributeOwnerName, typeName } from '../../values/type-name.ts';
import { Undefined } from '../../values/undefined.ts';
import type { Kwargs, Value } from '../../values/value.ts';
import { escapeValue, Markup } from '../markup.ts';
import { type FilterContext, type FilterFunction, filter, simpleFilter } from './filter.ts';
import { PyGenerator } from './generator.ts';

type Getter = (item: Value) => Value;

/** Reads an attribute path such as `a.b.0` from an item. */
function attributeGetter(
  context: FilterContext,
  attribute: Value,
  options: { ignoreCase?: boolean; fallback?: Value } = {},
): Getter {
  const parts = attributeParts(attribute);
  const { ignoreCase: fold = false, fallback = null } = options;
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = context.item(value, part);
      if (fallback !== null && value instanceof Undefined) value = fallback;
    }
    return fold ? ignoreCase(value) : value;
  };
}

function attributeParts(attribute: Value): Value[] {
  if (attribute === null) return [];
  if (typeof attribute !== 'string') return [attribute];
  return attribute.split('.').map((part) => (/^\p{Nd}+$/u.test(part) ? Number(part) : part));
}

function ignoreCase(v: Value): Value {
  if (typeof v === 'string') return v.toLowerCase();
  return v instanceof Markup ? new Markup(v.text.toLowerCase()) : v;
}

/** Python 3.11 accepts only an int for `reverse`. */
function sorted(items: readonly Value[], key: Getter, backwards: Value): Value[] {
  const reverse = indexArgument(backwards) !== 0;
  const decorated = items.map((item) => ({ item, by: key(item) }));
  if (reverse) decorated.reverse();
  decorated.sort((a, b) => compare(a.by, b.by));
  if (reverse) decorated.reverse();
  return decorated.map((d) => d.item);
}

class GroupTuple extends PyTuple {
  override readonly jinjaType = 'jinja2.filters._GroupTuple';

  override jinjaGet(name: string): Value | undefined {
    if (name === 'grouper') return this.items[0];
    return name === 'list' ? this.items[1] : super.jinjaGet(name);
  }
}

const dictsort = filter(
  'do_dictsort',
  "value, case_sensitive=False, by='key', reverse=False",
  (_context, value, caseSensitive, by, reverse) => {
    if (by !== 'key' && by !== 'value')
      throw new JinjaError('FilterArgumentError', 'You can only sort by either "key" or "value"');
    const items = toArray(itemsOf(value));
    const at = by === 'key' ? 0 : 1;
    return sorted(
      items,
      (item) => {
        const part = (item as PyTuple).items[at] as Value;
        return isTruthy(caseSensitive) ? part : ignoreCase(part);
      },
      reverse,
    );
  },
);

function itemsOf(v: Value): Value {
  if (v instanceof PyDict) return new PyDictView(v, 'items');
  const items = typeof v === 'object' && v !== null && !Array.isArray(v) ? v.jinjaGet('items') : undefined;
  if (typeof items === 'function') return items([], new Map()) as Value;
  throw new JinjaError('AttributeError', `'${attributeOwnerName(v)}' object has no attribute 'items'`);
}

const sort = filter(
  'do_sort',
  'environment, value, reverse=False, case_sensitive=False, attribute=None',
  (context, value, reverse, caseSensitive, attribute) => {
    const attributes = typeof attribute === 'string' ? attribute.split(',') : [attribute as Value];
    const getters = attributes.map((a) => attributeGetter(context, a, { ignoreCase: !isTruthy(caseSensitive) }));
    return sorted(toArray(value), (item) => getters.map((get) => get(item)), reverse);
  },
);

const unique = filter(
  'sync_do_unique',
  'environment, value, case_sensitive=False, attribute=None',
  (context, value, caseSensitive, attribute) => {
    const get = attributeGetter(context, attribute, { ignoreCase: !isTruthy(caseSensitive) });
    function* run(): Generator<Value, void, undefined> {
      const seen = new Set<unknown>();
      for (const item of iterate(value)) {
        const key = mapKey(get(item));
        if (seen.has(key)) continue;
        seen.add(key);
        yield item;
      }
    }
    return new PyGenerator('sync_do_unique', run());
  },
);

function extreme(sign: 1 | -1, name: string): FilterFunction {
  return filter(
    name,
    'environment, value, case_sensitive=False, attribute=None',
    (context, value, caseSensitive, attribute) => {
      const get = attributeGetter(context, attribute, { ignoreCase: !isTruthy(caseSensitive) });
      let best: Value | undefined;
      let bestKey: Value = null;
      for (const item of iterate(value)) {
        const key = get(item);
        if (best === undefined || compare(key, bestKey, sign > 0 ? '>' : '<') * sign > 0) {
          best = item;
          bestKey = key;
        }
      }
      return best === undefined ? context.undefined(undefined, 'No aggregated item, sequence was empty.') : best;
    },
  );
}

const groupby = filter(
  'sync_do_groupby',
  'environment, value, attribute, default=None, case_sensitive=False',
  (context, value, attribute, fallback, caseSensitive) => {
    const fold = !isTruthy(caseSensitive);
    const get = attributeGetter(context, attribute, { ignoreCase: fold, fallback: fallback });
    const real = attributeGetter(context, attribute, { fallback: fallback });
    const groups: { key: Value; items: Value[] }[] = [];
    for (const item of sorted(toArray(value), get, false)) {
      const key = get(item);
      const last = groups.at(-1);
      if (last !== undefined && equals(last.key, key)) last.items.push(item);
      else groups.push({ key, items: [item] });
    }
    return groups.map(({ key, items }) => new GroupTuple([fold ? real(items[0] as Value) : key, items]));
  },
);

const join = filter('sync_do_join', "eval_ctx, value, d='', attribute=None", () => null);

/** Special-cased because it is the most used filter: with at most one argument it skips the general binding. */
const fastJoin: FilterFunction = (context, value, args, kwargs) => {
  let [separator = '', attribute = null] = args as [Value?, Value?];
  if (
    args.length > 2 ||
    [...kwargs.keys()].some((k) => k !== 'd' && k !== 'attribute') ||
    (args.length > 0 && kwargs.has('d')) ||
    (args.length > 1 && kwargs.has('attribute'))
  ) {
    join(context, null, [value, ...args], kwargs);
  }
  if (kwargs.has('d')) separator = kwargs.get('d') as Value;
  attribute = kwargs.get('attribute') ?? attribute;
  const get = attribute === null ? undefined : attributeGetter(context, attribute);
  const items = Array.from(iterate(value), (item) => (get === undefined ? item : get(item)));
  if (context.autoescape && (separator instanceof Markup || items.some((i) => i instanceof Markup))) {
    return new Markup(items.map((i) => escapeValue(i).text).join(escapeValue(separator).text));
  }
  return items.map(toText).join(toText(separator));
};

const first = simpleFilter('sync_do_first', 'environment, seq', (value, context) => {
  for (const item of iterate(value)) return item;
  return context.undefined(undefined, 'No first item, sequence was empty.');
});

const last = simpleFilter('do_last', 'environment, seq', (value, context) => {
  if (value instanceof Markup && value.text !== '') return value.jinjaItem(-1) as Value;
  const items = reversible(value);
  return items.length === 0
    ? context.undefined(undefined, 'No last item, sequence was empty.')
    : (items.at(-1) as Value);
});

function reversible(v: Value): readonly Value[] {
  if (v instanceof PyGenerator || typeName(v) === 'set') throw typeError(`'${typeName(v)}' object is not reversible`);
  try {
    return toArray(v);
  } catch {
    throw typeError(`'${typeName(v)}' object is not reversible`);
  }
}

const REVERSED: ReadonlyMap<string, string> = new Map([
  ['list', 'list_reverseiterator'],
  ['dict', 'dict_reversekeyiterator'],
  ['dict_keys', 'dict_reversekeyiterator'],
  ['dict_values', 'dict_reversevalueiterator'],
  ['dict_items', 'dict_reverseitemiterator'],
  ['range', 'range_iterator'],
]);

const reverse = simpleFilter('do_reverse', 'value', (value) => {
  if (typeof value === 'string') return Array.from(value).reverse().join('');
  if (value instanceof Markup) return new Markup(Array.from(value.text).reverse().join(''));
  let items: readonly Value[];
  try {
    items = toArray(value);
  } catch (error) {
    if (error instanceof JinjaError && error.type !== 'TypeError') throw error;
    throw new JinjaError('FilterArgumentError', 'argument must be iterable');
  }
  const reversed = [...items].reverse();
  const type = typeName(value);
  return type === 'set' || value instanceof PyGenerator
    ? reversed
    : new PyGenerator('reversed', reversed, REVERSED.get(type) ?? 'reversed');
});

const random = simpleFilter('do_random', 'environment, seq', (value, context) => {
  const items = toArray(value);
  if (items.length === 0) return context.undefined(undefined, 'No random item, sequence was empty.');
  return items[Math.floor(Math.random() * items.length)] as Value;
});

const slice = filter('sync_do_slice', 'value, slices, fill_with=None', (_context, value, slices, fill) => {
  function* run(): Generator<Value, void, undefined> {
    const items = toArray(value);
    const count = indexArgument(slices);
    if (count === 0) throw new JinjaError('ZeroDivisionError', 'integer division or modulo by zero');
    const each = Math.floor(items.length / count);
    const extra = items.length % count;
    let offset = 0;
    for (let i = 0; i < count; i++) {
      const start = offset + i * each;
      if (i < extra) offset++;
      const part = items.slice(start, offset + (i + 1) * each);
      if (fill !== null && i >= extra) part.push(fill);
      yield part;
    }
  }
  return new PyGenerator('sync_do_slice', run());
});

/** A size that is not a number fails at its first comparison, as in Python. */
function lengthOfBatch(size: Value): number {
  return typeof size === 'number' || typeof size === 'bigint' ? Number(size) : 0;
}

const batch = filter('do_batch', 'value, linecount, fill_with=None', (_context, value, size, fill) => {
  function* run(): Generator<Value, void, undefined> {
    let part: Value[] = [];
    for (const item of iterate(value)) {
      if (equals(part.length, size)) {
        yield part;
        part = [];
      }
      part.push(item);
    }
    if (part.length === 0) return;
    if (fill !== null) {
      checkItems(lengthOfBatch(size));
      while (compare(part.length, size) < 0) part.push(fill);
    }
    yield part;
  }
  return new PyGenerator('do_batch', run());
});

const sum = filter(
  'sync_do_sum',
  'environment, iterable, attribute=None, start=0',
  (context, value, attribute, start) => {
    const get = attribute === null ? undefined : attributeGetter(context, attribute);
    const items = iterate(value);
    if (typeof start === 'string') throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
    let total = start as Value;
    for (const item of items) total = add(total, get === undefined ? item : get(item));
    return total;
  },
);

const list = simpleFilter('sync_do_list', 'value', (value) => collect(iterate(value)));

const items = simpleFilter('do_items', 'value', (value) => {
  function* run(): Generator<Value, void, undefined> {
    if (value instanceof Undefined) return;
    const mapping =
      value instanceof PyDict ||
      (typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        typeof value.jinjaGet('items') === 'function');
    if (!mapping) throw typeError('Can only get item pairs from a mapping.');
    yield* iterate(itemsOf(value));
  }
  return new PyGenerator('do_items', run());
});

const length = simpleFilter('len', 'obj', (value) => lengthOf(value));

const attr = filter('do_attr', 'environment, obj, name', (context, obj, name) => {
  const key = toText(name);
  const found = lookup(obj, key);
  return found === undefined ? context.undefined(key, undefined, obj) : found;
});

function lookup(obj: Value, name: string): Value | undefined {
  if (obj instanceof Undefined && obj.kind === 'default') throw obj.error();
  return lookupAttribute(obj, name);
}

const map: FilterFunction = (context, value, args, kwargs) => {
  function* run(): Generator<Value, void, undefined> {
    if (!isTruthy(value)) return;
    const fn = prepareMap(context, args, kwargs);
    for (const item of iterate(value)) yield fn(item);
  }
  return new PyGenerator('sync_do_map', run());
};

function prepareMap(context: FilterContext, args: readonly Value[], kwargs: Kwargs): Getter {
  const attribute = kwargs.get('attribute');
  if (args.length === 0 && attribute !== undefined) {
    for (const name of kwargs.keys()) {
      if (name !== 'attribute' && name !== 'default')
        throw new JinjaError('FilterArgumentError', `Unexpected keyword argument ${toRepr(name)}`);
    }
    return attributeGetter(context, attribute, { fallback: kwargs.get('default') ?? null });
  }
  const [name, ...rest] = args;
  if (name === undefined) throw new JinjaError('FilterArgumentError', 'map requires a filter argument');
  return (item) => context.callFilter(name, item, rest, kwargs);
}

function selection(name: string, wanted: boolean, byAttribute: boolean): FilterFunction {
  return (context, value, args, kwargs) => {
    function* run(): Generator<Value, void, undefined> {
      if (!isTruthy(value)) return;
      const rest = [...args];
      let get: Getter = (item) => item;
      if (byAttribute) {
        const attribute = rest.shift();
        if (attribute === undefined)
          throw new JinjaError('FilterArgumentError', 'Missing parameter for attribute name');
        get = attributeGetter(context, attribute);
      }
      const test = rest.shift();
      for (const item of iterate(value)) {
        const subject = get(item);
        const holds = test === undefined ? isTruthy(subject) : context.callTest(test, subject, rest, kwargs);
        if (holds === wanted) yield item;
      }
    }
    return new PyGenerator(name, run());
  };
}

export const SEQUENCE_FILTERS: readonly (readonly [string, FilterFunction])[] = [
  ['attr', attr],
  ['batch', batch],
  ['count', length],
  ['dictsort', dictsort],
  ['first', first],
  ['groupby', groupby],
  ['items', items],
  ['join', fastJoin],
  ['last', last],
  ['length', length],
  ['list', list],
  ['map', map],
  ['max', extreme(1, 'do_max')],
  ['min', extreme(-1, 'do_min')],
  ['random', random],
  ['reject', selection('select_or_reject', false, false)],
  ['rejectattr', selection('select_or_reject', false, true)],
  ['reverse', reverse],
  ['select', selection('select_or_reject', true, false)],
  ['selectattr', selection('select_or_reject', true, true)],
  ['slice', slice],
  ['sort', sort],
  ['sum', sum],
  ['unique', unique],
];
