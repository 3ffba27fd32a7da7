// Checks of YAML against the few shapes that dbt enforces, in the words of Python's jsonschema: the first violation,
// with its place.
import type { Json } from '../contracts/node.ts';
import { fromJson } from '../values/json.ts';
import { toRepr } from '../values/text.ts';
import { closestName, didYouMean } from '../values/close-matches.ts';

/** A shape: the part of JSON schema that dbt's own contracts use. */
export interface Shape {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'null';
  readonly anyOf?: readonly Shape[];
  readonly items?: Shape;
  readonly properties?: { readonly [name: string]: Shape };
  readonly required?: readonly string[];
  /** False refuses keys that `properties` does not name. */
  readonly additional?: boolean;
  readonly pattern?: RegExp;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Violation {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Which key was probably meant. */
  readonly hint?: string | undefined;
}

const text: Shape = { type: 'string' };
const none: Shape = { type: 'null' };

/** `Optional[...]` of a Python dataclass. */
export function optional(...shapes: readonly Shape[]): Shape {
  return { anyOf: [...shapes, none] };
}

export const optionalText = optional(text);
export const optionalTexts = optional({ type: 'array', items: text });

/** The first violation in the order in which jsonschema reports, or undefined. */
export function findViolation(
  value: Json,
  shape: Shape,
  path: readonly (string | number)[] = [],
): Violation | undefined {
  if (shape.type !== undefined && !hasType(value, shape.type))
    return { path, message: `${repr(value)} is not of type '${shape.type}'` };
  if (shape.anyOf?.every((option) => findViolation(value, option) !== undefined)) {
    const hints = shape.anyOf.map((option) => findViolation(value, option)?.hint);
    return {
      path,
      message: `${repr(value)} is not valid under any of the given schemas`,
      hint: hints.find((hint) => hint !== undefined),
    };
  }
  if (shape.pattern !== undefined && typeof value === 'string' && !shape.pattern.test(value)) {
    return { path, message: `${repr(value)} does not match '${shape.pattern.source.replaceAll('\\', '\\\\')}'` };
  }
  if (shape.minimum !== undefined && typeof value === 'number' && value < shape.minimum)
    return { path, message: `${value} is less than the minimum of ${shape.minimum}` };
  if (shape.maximum !== undefined && typeof value === 'number' && value > shape.maximum)
    return { path, message: `${value} is greater than the maximum of ${shape.maximum}` };
  if (shape.items !== undefined && Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const found = findViolation(item, shape.items, [...path, i]);
      if (found !== undefined) return found;
    }
  }
  return isObject(value) ? objectViolation(value, shape, path) : undefined;
}

function objectViolation(
  value: { readonly [key: string]: Json },
  shape: Shape,
  path: readonly (string | number)[],
): Violation | undefined {
  for (const [name, property] of Object.entries(shape.properties ?? {})) {
    const item = value[name];
    const found = item === undefined ? undefined : findViolation(item, property, [...path, name]);
    if (found !== undefined) return found;
  }
  if (shape.additional === false) {
    const extra = Object.keys(value).filter((key) => shape.properties?.[key] === undefined);
    if (extra.length > 0) {
      const names = extra.map((key) => repr(key)).join(', ');
      const verb = extra.length === 1 ? 'was' : 'were';
      return {
        path,
        message: `Additional properties are not allowed (${names} ${verb} unexpected)`,
        hint: extra
          .map((key) => didYouMean(key, Object.keys(shape.properties ?? {})))
          .find((hint) => hint !== undefined),
      };
    }
  }
  const missing = shape.required?.find((name) => value[name] === undefined);
  if (missing === undefined) return undefined;
  const unknown = Object.keys(value).filter((key) => shape.properties?.[key] === undefined);
  const written = closestName(missing, unknown);
  const hint = written === undefined ? undefined : `did you mean '${missing}' with '${written}'?`;
  return { path, message: `'${missing}' is a required property`, hint };
}

/** dbt's `at path ['a'][0]: message`. */
export function violationText({ path, message }: Violation): string {
  return (
    `at path [${path.map((part) => (typeof part === 'number' ? String(part) : repr(part))).join('][')}]: ` +
    `${message}`
  );
}

/** Python's repr of a YAML value. */
export function repr(value: Json): string {
  return toRepr(fromJson(value));
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('jinjaType' in value);
}

function hasType(value: Json, type: NonNullable<Shape['type']>): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    // jsonschema takes 1.0 for an integer.
    case 'integer':
      return Number.isInteger(value) || typeof value === 'bigint' || isFloat(value);
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' || isFloat(value);
    default:
      return typeof value === type;
  }
}

function isFloat(value: Json): boolean {
  return typeof value === 'object' && value !== null && 'jinjaType' in value && value['jinjaType'] === 'float';
}
