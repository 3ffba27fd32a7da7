// Looks up `a.b` and `a['b']` as jinja2's sandbox does. Templates reach only what this protocol returns.
import { PyDict } from './dict.ts';
import { PyFloat } from './float.ts';
import { getFloatMethod, getNumberMethod } from './methods/number-methods.ts';
import { getListMethod } from './methods/list-methods.ts';
import { bindMethod } from './methods/method.ts';
import { getStringMethod } from './methods/string-methods.ts';
import { JinjaError, typeError } from './python-error.ts';
import { PyRange } from './range.ts';
import { codePoints, PySlice, sequenceIndex, sequenceItem, sliceItems } from './sequence.ts';
import { stringRepr } from './text.ts';
import { PyTuple } from './tuple.ts';
import { shortTypeName, typeName } from './type-name.ts';
import { Undefined, type UndefinedFactory } from './undefined.ts';
import type { Value } from './value.ts';

const makeDefault: UndefinedFactory = (name, hint, obj) => new Undefined(name, hint, obj);

/** Python's `getattr`: the attribute only, without falling back to items. `undefined` if it does not exist. */
export function lookupAttribute(obj: Value, name: string): Value | undefined {
  switch (typeof obj) {
    case 'string': {
      const method = getStringMethod(name);
      return method && bindMethod(name, method, obj);
    }
    case 'function':
      return obj.face?.get?.(name);
    case 'object':
      if (obj === null) return undefined;
      if (Array.isArray(obj)) {
        const method = getListMethod(name);
        return method && bindMethod(name, method, obj);
      }
      return obj instanceof PyFloat ? getFloatMethod(obj.value, name) : obj.jinjaGet(name);
    default:
      return getNumberMethod(obj, name);
  }
}

/** Python's `obj[key]`: the item only, without falling back to attributes. `undefined` if it does not exist. */
export function lookupItem(obj: Value, key: Value): Value | undefined {
  if (typeof obj === 'string') {
    const points = codePoints(obj);
    if (key instanceof PySlice) return sliceItems(points, key).join('');
    const index = sequenceIndex(points.length, key);
    return index === undefined ? undefined : points[index];
  }
  if (typeof obj !== 'object' || obj === null) return undefined;
  if (Array.isArray(obj)) return key instanceof PySlice ? sliceItems(obj, key) : sequenceItem(obj, key);
  if (key instanceof PySlice) {
    if (obj instanceof PyTuple) return new PyTuple(sliceItems(obj.items, key));
    if (obj instanceof PyRange) return sliceRange(obj, key);
    if (obj instanceof PyDict) return undefined;
  }
  if (obj instanceof PyDict) return hashable(key) ? obj.get(key) : undefined;
  return obj.jinjaItem?.(key);
}

/**
 * Evaluates `obj[start:stop:step]`, which jinja2 leaves to Python.
 * @throws JinjaError if the object cannot be sliced
 */
export function getSlice(obj: Value, slice: PySlice): Value {
  if (obj instanceof Undefined) return obj.jinjaItem(slice) as Value;
  if (obj instanceof PyDict) throw typeError("unhashable type: 'slice'");
  const found = lookupItem(obj, slice);
  if (found === undefined) throw typeError(`'${typeName(obj)}' object is not subscriptable`);
  return found;
}

/**
 * Evaluates `obj.name`: the attribute, otherwise the item, otherwise an Undefined.
 * @param makeUndefined the environment's factory; the default kind if absent
 */
export function getAttribute(obj: Value, name: string, makeUndefined: UndefinedFactory = makeDefault): Value {
  if (name.charCodeAt(0) === 95 && name.startsWith('__')) return getDunder(obj, name, makeUndefined);
  const found = lookupAttribute(obj, name);
  return found === undefined ? absent(lookupItem(obj, name), obj, name, makeUndefined) : found;
}

/** Evaluates `obj[key]`: the item, otherwise the attribute of that name, otherwise an Undefined. */
export function getItem(obj: Value, key: Value, makeUndefined: UndefinedFactory = makeDefault): Value {
  const item = lookupItem(obj, key);
  if (item !== undefined) return item;
  if (typeof key === 'string') {
    if (key.startsWith('__')) return getDunder(obj, key, makeUndefined);
    return absent(lookupAttribute(obj, key), obj, key, makeUndefined);
  }
  return absent(undefined, obj, key, makeUndefined);
}

function absent(found: Value | undefined, obj: Value, name: Value, makeUndefined: UndefinedFactory): Value {
  if (found !== undefined) return found;
  return makeUndefined(name, undefined, obj);
}

/** Names that exist in Python and that the sandbox refuses, such as `__class__`. */
function getDunder(obj: Value, name: string, makeUndefined: UndefinedFactory): Value {
  if (
    UNSAFE.has(name) ||
    (name === '__len__' && isSized(obj)) ||
    (typeof obj === 'function' && UNSAFE_OF_FUNCTIONS.has(name))
  ) {
    const hint = `access to attribute ${stringRepr(name)} of ${stringRepr(shortTypeName(obj))} object is unsafe.`;
    return new UnsafeUndefined(name, hint, obj);
  }
  return absent(lookupItem(obj, name), obj, name, makeUndefined);
}

/** Attributes that every Python object has. */
const UNSAFE: ReadonlySet<string> = new Set([
  '__class__',
  '__init__',
  '__doc__',
  '__module__',
  '__getattribute__',
  '__reduce__',
  '__reduce_ex__',
  '__new__',
  '__eq__',
  '__repr__',
  '__str__',
  '__hash__',
  '__init_subclass__',
  '__subclasshook__',
  '__sizeof__',
  '__dir__',
  '__setattr__',
  '__delattr__',
  '__format__',
]);

/** Attributes of Python functions. */
const UNSAFE_OF_FUNCTIONS: ReadonlySet<string> = new Set([
  '__call__',
  '__globals__',
  '__code__',
  '__closure__',
  '__defaults__',
  '__dict__',
  '__name__',
]);

function isSized(v: Value): boolean {
  return (
    typeof v === 'string' || Array.isArray(v) || (typeof v === 'object' && v !== null && v.jinjaLength !== undefined)
  );
}

class UnsafeUndefined extends Undefined {
  override error(): JinjaError {
    return new JinjaError('SecurityError', this.message);
  }
}

function hashable(key: Value): boolean {
  if (typeof key !== 'object' || key === null) return true;
  if (key instanceof PyTuple) return key.items.every(hashable);
  return !Array.isArray(key) && !(key instanceof PyDict);
}

function sliceRange(range: PyRange, slice: PySlice): Value {
  const [from, to, step] = slice.bounds(range.length);
  return new PyRange(range.at(from), range.at(to), step * range.step);
}
