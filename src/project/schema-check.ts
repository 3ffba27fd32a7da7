// Checks YAML values against shapes and returns the first problem with its position and the message of Python's
// jsonschema. Other files define the shapes.
import type { Json } from '../contracts/node.ts';
import { closestName, didYouMean } from '../values/close-matches.ts';
import { PyFloat } from '../values/float.ts';
import { pyRepr } from '../values/python-text.ts';

/** @returns the problem with jsonschema's message, or undefined: then the value is a `T` */
export interface TypeCheck<out T = unknown> {
  (value: unknown): string | undefined;
  /** Only carries the type; never set. */
  readonly passes?: T;
}
/** The type of the values that a check accepts. */
export type PassedBy<C> = C extends { readonly passes?: infer T } ? T : never;

export interface ShapeProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The key that was probably meant. */
  readonly hint?: string | undefined;
  /** The missing required key. */
  readonly missing?: string;
}
/** A key that a shape accepts without naming it, and the key that was probably meant. */
export interface MisspeltKey {
  readonly path: (string | number)[];
  readonly key: string;
  readonly meant: string;
}
/**
 * @param misspelt receives accepted keys that look misspelt
 * @returns the problem with its place, or undefined: then the value is a `T`
 */
export interface ShapeCheck<out T = unknown> {
  (value: unknown, misspelt?: MisspeltKey[]): ShapeProblem | undefined;
  /** Only carries the type; never set. */
  readonly passes?: T;
}

/** The keys of a dictionary; `T` is the type of a dictionary that passes. */
export interface Shape<out T = unknown> {
  readonly fields: ReadonlyMap<string, ShapeCheck>;
  readonly required: readonly string[];
  /** Treatment of unknown keys: refused, accepted and reported when they look misspelt, or accepted silently. */
  readonly unknown: 'refused' | 'told' | 'free';
  /** Order of several problems: by keys as written in the file, or as listed here. */
  readonly order: 'written' | 'listed';
  /** Only carries the type; never set. */
  readonly passes?: T;
}

/** The type of the entries that a shape describes. */
export type Infer<S extends Shape> = S extends Shape<infer T> ? T : never;

export interface Nested<out T = unknown> {
  readonly nested: ShapeCheck<T>;
}
export type Fields = Readonly<Record<string, TypeCheck | Nested>>;
type FieldType<F> = F extends Nested<infer T> ? T : PassedBy<F>;
type Described<F extends Fields, R extends keyof F> = { [K in R]: FieldType<F[K]> } & {
  [K in Exclude<keyof F, R>]?: FieldType<F[K]>;
};
type Dict = { [key: string]: Json };

export function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof PyFloat);
}

function is<T>(name: string, test: (value: unknown) => value is T): TypeCheck<T> {
  return (value) => (test(value) ? undefined : `${pyRepr(value)} is not of type '${name}'`);
}
const inNoSchema = (value: unknown): string => `${pyRepr(value)} is not valid under any of the given schemas`;

export const anything: TypeCheck<Json> = () => undefined;
export const text = is('string', (v) => typeof v === 'string');
export const bool = is('boolean', (v) => typeof v === 'boolean');
/** jsonschema accepts 1.0 as an integer. */
export const integer = is(
  'integer',
  (v): v is number => (typeof v === 'number' && Number.isInteger(v)) || typeof v === 'bigint' || v instanceof PyFloat,
);
export const number = is(
  'number',
  (v): v is number => typeof v === 'number' || typeof v === 'bigint' || v instanceof PyFloat,
);
export const none = is('null', (v) => v === null);
export const dict = is('object', isDict);
export const list = is('array', (v): v is Json[] => Array.isArray(v));
export const optionalText = optional(text);
export const optionalBool = optional(bool);
export const optionalInteger = optional(integer);
export const optionalDict = optional(dict);
export const textList: TypeCheck<string[]> = (value) => {
  if (!Array.isArray(value)) return list(value);
  for (const item of value) if (typeof item !== 'string') return text(item);
  return undefined;
};
export const optionalTextList = optional(textList);
export const textOrTextList = oneOf(text, textList);
export const optionalTextOrTextList = optional(textOrTextList);

/** What one of the checks takes. */
export function oneOf<C extends readonly TypeCheck[]>(...checks: C): TypeCheck<PassedBy<C[number]>> {
  return (value) => (checks.some((check) => check(value) === undefined) ? undefined : inNoSchema(value));
}

/** One of the texts. */
export function choice<const O extends readonly string[]>(...options: O): TypeCheck<O[number]> {
  return (value) =>
    typeof value === 'string' && options.includes(value)
      ? undefined
      : `${pyRepr(value)} is not one of ${pyRepr(options)}`;
}

/** Accepts what the check accepts, null, or an absent value. */
export function optional<T>(check: TypeCheck<T>): TypeCheck<T | null> {
  return (value) =>
    value === null || value === undefined || check(value) === undefined ? undefined : inNoSchema(value);
}

/** A text in which the pattern is found. */
export function matching(pattern: RegExp): TypeCheck<string> {
  return (value) =>
    typeof value === 'string' && !pattern.test(value)
      ? `${pyRepr(value)} does not match '${pattern.source.replaceAll('\\', '\\\\')}'`
      : text(value);
}

export const leaf =
  <T>(check: TypeCheck<T>): ShapeCheck<T> =>
  (value) => {
    const message = check(value);
    return message === undefined ? undefined : { path: [], message };
  };

/** A shape that refuses unknown keys. */
export function closed<F extends Fields, const R extends keyof F & string = never>(
  required: readonly R[],
  fields: F,
): Shape<Described<F, R>> {
  return { fields: checksOf(fields), required, unknown: 'refused', order: 'written' };
}

/** A shape that accepts unknown keys. */
export function open<F extends Fields, const R extends keyof F & string = never>(
  required: readonly R[],
  fields: F,
): Shape<Described<F, R> & Dict> {
  return { fields: checksOf(fields), required, unknown: 'told', order: 'written' };
}

/** The same shape, with problems in the order of its fields, as jsonschema reports them. */
export function inOrderOfFields<T>(shape: Shape<T>): Shape<T> {
  return { ...shape, order: 'listed' };
}

function checksOf(fields: Fields): ReadonlyMap<string, ShapeCheck> {
  return new Map(Object.entries(fields).map(([name, check]) => [name, 'nested' in check ? check.nested : leaf(check)]));
}

/** The problem of an entry, or undefined. @param misspelt receives accepted keys that look misspelt */
export function checkShape(data: unknown, shape: Shape, misspelt?: MisspeltKey[]): ShapeProblem | undefined {
  if (!isDict(data)) return { path: [], message: `${pyRepr(data)} is not of type 'object'` };
  const { fields, required, unknown } = shape;
  const listed = shape.order === 'listed';
  if (listed) {
    const problem = firstListed(data, fields);
    if (problem !== undefined) return problem;
  }
  let unexpected: string[] | undefined;
  for (const key of Object.keys(data)) {
    const check = fields.get(key);
    if (check === undefined) {
      if (unknown === 'refused') (unexpected ??= []).push(key);
      else if (unknown === 'told' && misspelt !== undefined) {
        const meant = closestName(key, fields.keys());
        if (meant !== undefined) misspelt.push({ path: [], key, meant });
      }
      continue;
    }
    if (listed) continue;
    const before = misspelt?.length ?? 0;
    const problem = check(data[key], misspelt);
    if (problem !== undefined) return { ...problem, path: [key, ...problem.path] };
    placeBelow(key, misspelt, before);
  }
  if (unexpected !== undefined) return unexpectedKeys(unexpected, fields);
  for (const key of required)
    if (data[key] === undefined) return { path: [], message: `'${key}' is a required property`, missing: key };
  return undefined;
}

function firstListed(data: Dict, fields: Shape['fields']): ShapeProblem | undefined {
  for (const [key, check] of fields) {
    const problem = data[key] === undefined ? undefined : check(data[key]);
    if (problem !== undefined) return { ...problem, path: [key, ...problem.path] };
  }
  return undefined;
}

function unexpectedKeys(keys: readonly string[], fields: Shape['fields']): ShapeProblem {
  return {
    path: [],
    message:
      `Additional properties are not allowed (${keys.map(pyRepr).join(', ')} ` +
      `${keys.length > 1 ? 'were' : 'was'} unexpected)`,
    hint: keys.map((key) => didYouMean(key, fields.keys())).find((hint) => hint !== undefined),
  };
}

/** Prefixes the paths of misspelt keys inside `part` with that part. */
function placeBelow(part: string | number, misspelt: readonly MisspeltKey[] | undefined, first: number): void {
  if (misspelt !== undefined) for (let i = first; i < misspelt.length; i += 1) misspelt[i]?.path.unshift(part);
}

/** dbt's text of a problem: `at path ['columns'][0]['name']: …`. */
export function problemText({ path, message }: ShapeProblem): string {
  return `at path [${path.map((part) => pyRepr(part)).join('][')}]: ${message}`;
}

export const checkOf =
  <T>(inner: Shape<T>): ShapeCheck<T> =>
  (value, misspelt) =>
    checkShape(value, inner, misspelt);
export const of = <T>(inner: Shape<T>): Nested<T> => ({ nested: checkOf(inner) });
export const listOf = <T>(inner: ShapeCheck<T>): Nested<T[]> => ({
  nested: (value, misspelt) => {
    if (!Array.isArray(value)) return { path: [], message: `${pyRepr(value)} is not of type 'array'` };
    for (let i = 0; i < value.length; i += 1) {
      const before = misspelt?.length ?? 0;
      const problem = inner(value[i], misspelt);
      if (problem !== undefined) return { ...problem, path: [i, ...problem.path] };
      placeBelow(i, misspelt, before);
    }
    return undefined;
  },
});
export const shapes = <T>(inner: Shape<T>): Nested<T[]> => listOf(checkOf(inner));
export const orNull = <T>({ nested }: Nested<T>): Nested<T | null> => ({
  nested: (value, misspelt) => (value === null ? undefined : nested(value, misspelt)),
});

/** Accepts what any of the checks accepts; the hint is the first one that a check returns. */
export const anyOf =
  <C extends readonly ShapeCheck[]>(...checks: C): ShapeCheck<PassedBy<C[number]>> =>
  (value) =>
    checks.some((check) => check(value) === undefined)
      ? undefined
      : {
          path: [],
          message: inNoSchema(value),
          hint: checks.map((check) => check(value)?.hint).find((hint) => hint !== undefined),
        };
