// Settings with keys: their fields, the rules between them, and records of which a key tells the variant.
import type { Json } from '../contracts/node.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { didYouMean } from '../values/close-matches.ts';
import type { Dictionary, Field, JsonSchema, Keys, Place, Setting, ValueOf } from './setting.ts';

type Fields = { readonly [name: string]: Field };
export type ReadFields<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export function required<T>(setting: Setting<T>, doc: string, hint?: string): Field<T> {
  return { setting, doc, fallback: undefined, shown: 'required', hint };
}

/** @param shown what is used in its place, for the documentation */
export function optional<T>(setting: Setting<T>, doc: string, shown = 'none'): Field<T | null> {
  return { setting, doc, fallback: null, shown };
}

/** @param shown the default as it is written, where that is not its value */
export function withDefault<T, const D extends T>(
  setting: Setting<T>,
  fallback: D,
  doc: string,
  shown?: string,
): Field<T> {
  return { setting, doc, fallback, shown: shown ?? `\`${String(fallback)}\`` };
}

/** The same field under several keys. */
export function fieldEach<K extends string, T>(keys: readonly K[], field: Field<T>): Record<K, Field<T>>;
export function fieldEach(keys: readonly string[], field: Field): Record<string, Field> {
  return Object.fromEntries(keys.map((key) => [key, field]));
}

const THEN = 'then';
const ifThen = (condition: JsonSchema, consequence: JsonSchema): JsonSchema => ({ if: condition, [THEN]: consequence });

/** A rule between keys of a record. `has` tells whether a key is given. */
export interface Rule {
  readonly check: (has: (key: string) => boolean, place: Place) => void;
  readonly schema: JsonSchema;
}

const quoted = (keys: readonly string[], last: string): string => {
  const words = keys.map((key) => `'${key}'`);
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
};
const given = (keys: readonly string[]): JsonSchema => ({ anyOf: keys.map((key) => ({ required: [key] })) });

/** At most one of the keys. */
export function exclusive(...keys: readonly string[]): Rule {
  const pairs = keys.flatMap((one, i) => keys.slice(i + 1).map((other) => ({ not: { required: [one, other] } })));
  return {
    check: (has, place) => {
      const [one, other] = keys.filter(has);
      if (one !== undefined && other !== undefined)
        place.at(other).refuse(`${place.label} has ${quoted([one, other], 'and')}`.trimStart(), 'Remove one of them.');
    },
    schema: { allOf: pairs },
  };
}

/** At least one of the keys. */
export function oneOf(keys: readonly string[], hint?: string): Rule {
  return {
    check: (has, place) => {
      if (!keys.some(has)) place.refuse(`${place.label} needs ${quoted(keys, 'or')}`.trimStart(), hint);
    },
    schema: given(keys),
  };
}

/** All of the keys or none. */
export function together(...keys: readonly string[]): Rule {
  return {
    check: (has, place) => {
      const [missing] = keys.filter((key) => !has(key));
      if (missing !== undefined && keys.some(has))
        place.refuse(`${place.label} has ${quoted(keys.filter(has), 'and')} and lacks '${missing}'`.trimStart());
    },
    schema: { dependencies: Object.fromEntries(keys.map((key) => [key, keys.filter((other) => other !== key)])) },
  };
}

/** The keys have a meaning only with one of the others. */
export function onlyWith(keys: readonly string[], others: readonly string[], why?: string): Rule {
  return {
    check: (has, place) => {
      const key = keys.find(has);
      if (key !== undefined && !others.some(has)) place.at(key).must(`needs ${quoted(others, 'or')}`, why);
    },
    schema: { allOf: keys.map((key) => ifThen({ required: [key] }, given(others))) },
  };
}

/** The keys do not go with another one. */
export function notWith(keys: readonly string[], other: string, why?: string): Rule {
  return {
    check: (has, place) => {
      const key = has(other) ? keys.find(has) : undefined;
      if (key !== undefined) place.at(key).must(`cannot be used with '${other}'`, why);
    },
    schema: ifThen({ required: [other] }, { not: given(keys) }),
  };
}

interface RecordOptions<T> {
  readonly rules?: readonly Rule[];
  /** A value that is no dictionary means this key. */
  readonly short?: string;
  /** Advice when the value is no dictionary. */
  readonly example?: string;
  /** Advice for an unknown key, after those that there are. */
  readonly unknown?: string;
  /** Checks what the rules cannot say. */
  check?(value: T, place: Place, has: (key: string) => boolean): void;
}

/** Texts with a template in them pass in every place: their value is known when they are rendered. */
export const TEMPLATE: JsonSchema = { type: 'string', pattern: String.raw`\{[{%]` };

/** A dictionary with known keys; others are refused. */
export function record<F extends Fields>(
  fields: F,
  options?: RecordOptions<ReadFields<F>>,
): Setting<ReadFields<F>> & { readonly fields: F };
export function record(
  fields: Fields,
  { rules = [], short, example, unknown, check }: RecordOptions<ReadFields<Fields>> = {},
): Setting & { readonly fields: Fields } {
  const names = Object.keys(fields);
  const shownNames = names.length > 6 ? `${names.slice(0, 5).join(', ')} and others` : names.join(', ');
  const expects = `a dictionary of ${shownNames}`;
  const shortKey = short === undefined ? undefined : fields[short]?.setting;
  return {
    expects,
    type: shortKey === undefined ? `\`{${names.join(', ')}}\`` : `${shortKey.type}, or \`{${names.join(', ')}}\``,
    fields,
    schema: () => {
      const whole = recordSchema(fields, rules);
      return shortKey === undefined ? whole : { anyOf: [shortKey.schema(), whole] };
    },
    written: (value, keys) => writtenBelow(fields, value, keys),
    read: (value, place) => {
      if (!isDictionary(value) && short === undefined) return place.wrong(expects, value, example);
      const options: Dictionary = isDictionary(value) ? value : { [short ?? '']: value };
      for (const key of Object.keys(options)) if (!Object.hasOwn(fields, key)) place.unknownKey(key, names, unknown);
      const has = (key: string): boolean =>
        options[key] !== undefined && (options[key] !== null || fields[key]?.setting.nullable === true);
      for (const rule of rules) rule.check(has, place);
      const below = (key: string): Place => (isDictionary(value) ? place.at(key) : place);
      const read: { [key: string]: unknown } = {};
      for (const [key, { setting, fallback, hint }] of Object.entries(fields)) {
        if (!has(key) && fallback === undefined)
          place.refuse(`${place.label} needs '${key}': ${setting.expects}`.trimStart(), hint ?? example);
        read[key] = has(key) ? setting.read(options[key] ?? null, below(key)) : fallback;
      }
      check?.(read, place, has);
      return read;
    },
  };
}

function recordSchema(fields: Fields, rules: readonly Rule[]): JsonSchema {
  const needed = Object.keys(fields).filter((key) => fields[key]?.fallback === undefined);
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, fieldSchema(field)])),
    additionalProperties: false,
    ...(needed.length > 0 && { required: needed }),
    ...(rules.length > 0 && { allOf: rules.map(({ schema }) => schema) }),
  };
}

function fieldSchema({ setting, doc, fallback }: Field): JsonSchema {
  const own = setting.schema();
  const plain = JSON.stringify(own);
  const free =
    plain === '{}' || plain === '{"type":"string","minLength":1}' || own['patternErrorMessage'] !== undefined;
  const description = doc.replace(/\[([^[\]]*)\]\([^()]*\)/g, '$1');
  return {
    ...(free ? own : { anyOf: [own, TEMPLATE, ...(setting.nullable ? [{ type: 'null' }] : [])] }),
    ...(description !== '' && { description }),
    ...(['string', 'number', 'boolean'].includes(typeof fallback) &&
      !setting.type.includes('dur') && { default: fallback }),
  };
}

function writtenBelow(fields: Fields, value: Json, keys: Keys): Keys[] {
  if (!isDictionary(value)) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    Object.hasOwn(fields, key) ? (fields[key]?.setting.written?.(each, [...keys, key]) ?? []) : [],
  );
}

/** A key of any variant can hold a secret, also where it does not belong. */
function writtenInAny(records: readonly Setting[], value: Json, keys: Keys): Keys[] {
  const found = records.flatMap((each) => each.written?.(value, keys) ?? []);
  return [...new Map(found.map((each) => [each.join('.'), each])).values()];
}

type Variant<V extends { readonly [name: string]: Setting }> = {
  [K in keyof V]: { readonly variant: K; readonly settings: ValueOf<V[K]> };
}[keyof V];

/** Records of which the value of a key tells the variant. @param fallback where the key is absent */
export function variants<V extends { readonly [name: string]: Setting }>(
  key: string,
  records: V,
  fallback: keyof V & string,
): Setting<Variant<V>>;
export function variants(
  key: string,
  records: { readonly [name: string]: Setting },
  fallback: string,
): Setting<{ readonly variant: string; readonly settings: unknown }> {
  const names = Object.keys(records);
  const variantOf = (value: Json): string => (isDictionary(value) ? String(value[key] ?? fallback) : fallback);
  const expects = `a dictionary with ${key}: ${names.join(' or ')}`;
  return {
    expects,
    type: 'dictionary',
    schema: () => ({
      type: 'object',
      properties: { [key]: { anyOf: [{ enum: names }, TEMPLATE], default: fallback } },
      allOf: Object.entries(records).map(([name, each]) =>
        ifThen(
          { properties: { [key]: { const: name } }, ...(name === fallback ? {} : { required: [key] }) },
          withKey(each.schema(), key),
        ),
      ),
    }),
    written: (value, keys) => writtenInAny(Object.values(records), value, keys),
    read: (value, place) => {
      if (!isDictionary(value)) return place.wrong(expects, value);
      const variant = variantOf(value);
      const { [key]: found = null, ...rest } = value;
      const chosen = records[variant];
      if (chosen === undefined)
        return place.at(key).wrong(`one of ${names.join(', ')}`, found, didYouMean(variant, names));
      return { variant, settings: chosen.read(rest, place) };
    },
  };
}

/** A record's schema that takes one more key. */
function withKey(schema: JsonSchema, key: string): JsonSchema {
  const { properties } = schema;
  return isDictionaryLike(properties) ? { ...schema, properties: { ...properties, [key]: {} } } : schema;
}

function isDictionaryLike(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Records of which exactly one of some keys tells the variant, as channels do. */
export function variantsByKey<V extends { readonly [name: string]: Setting }>(
  records: V,
  example: string,
): Setting<{ [K in keyof V]: { readonly kind: K } & ValueOf<V[K]> }[keyof V]>;
export function variantsByKey(records: { readonly [name: string]: Setting }, example: string): Setting {
  const names = Object.keys(records);
  const given = (value: Json): string[] => (isDictionary(value) ? names.filter((name) => value[name] != null) : []);
  const expects = `a dictionary with ${names.join(' or ')}`;
  return {
    expects,
    type: 'dictionary',
    schema: () => ({
      type: 'object',
      anyOf: names.map((name) => ({ required: [name] })),
      allOf: Object.entries(records).map(([name, each]) => ifThen({ required: [name] }, each.schema())),
    }),
    written: (value, keys) => writtenInAny(Object.values(records), value, keys),
    read: (value, place) => {
      if (!isDictionary(value)) return place.wrong(expects, value, example);
      const [name, other] = given(value);
      const chosen = records[name ?? ''];
      if (other !== undefined)
        place.at(other).refuse(`${place.label} has '${name}' and '${other}'`, 'Make two channels of it.');
      if (chosen !== undefined) return Object.assign({ kind: name }, chosen.read(value, place));
      const known = [...new Set(Object.values(records).flatMap((each) => Object.keys(each.fields ?? {})))];
      for (const key of Object.keys(value)) if (!known.includes(key)) place.unknownKey(key, known);
      return place.refuse(`${place.label} needs one of ${names.join(', ')}`, example);
    },
  };
}
