// dbt's dataclasses as template values: attributes instead of items, a text with class and fields, `to_dict()`. A
// config also has `get` and returns None for a missing key.
import { fireMetaKeyWarning } from './config-object.ts';
import type { Logger } from '../log.ts';
import { callable, fromJson, type HostObject, PyDict, toRepr, toText, type Value } from '../values/index.ts';

/** How a field's value is converted: a record, a list of records, or a dict of records by name. */
export type FieldShape = RecordClass | { readonly listOf: RecordClass } | { readonly dictOf: RecordClass };

/** One of dbt's dataclasses. */
export interface RecordClass {
  readonly name: string;
  /** Fields that are records, by Python's name. */
  readonly fields?: { readonly [field: string]: FieldShape };
  /** Fields that are enum members. */
  readonly enums?: { readonly [field: string]: (value: string) => Value };
  /** For a config: the names of its declared fields. All other keys are extras. */
  readonly configFields?: ReadonlySet<string>;
}

/** Converts a plain object of the artifacts. */
export type PlainRecord = { readonly [key: string]: unknown };

const DASHED: ReadonlyMap<string, string> = new Map([
  ['pre_hook', 'pre-hook'],
  ['post_hook', 'post-hook'],
]);
const attributeOf = (key: string): string => (key === 'pre-hook' || key === 'post-hook' ? key.replace('-', '_') : key);

function isPlainRecord(value: unknown): value is PlainRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('jinjaType' in value);
}

function shaped(value: unknown, shape: FieldShape | undefined, logger: Logger): Value {
  if (shape !== undefined && 'listOf' in shape)
    return Array.isArray(value) ? value.map((item) => shaped(item, shape.listOf, logger)) : fromJson(value);
  if (shape === undefined || !isPlainRecord(value)) return fromJson(value);
  if (!('dictOf' in shape)) return recordOf(shape, value, logger);
  return new PyDict(Object.entries(value).map(([name, item]) => [name, shaped(item, shape.dictOf, logger)]));
}

/** @param logger receives a warning if a requested config key exists only under `meta` */
export function recordOf(shape: RecordClass, source: PlainRecord, logger: Logger): DataclassRecord {
  const { configFields } = shape;
  return configFields === undefined
    ? new DataclassRecord(shape, source, logger)
    : new ConfigRecord(shape, source, logger, configFields);
}

/** An instance of one of dbt's dataclasses. */
export class DataclassRecord implements HostObject {
  readonly jinjaType: string;
  readonly #shape: RecordClass;
  readonly #source: PlainRecord;
  readonly #logger: Logger;
  readonly #values = new Map<string, Value>();

  constructor(shape: RecordClass, source: PlainRecord, logger: Logger) {
    this.jinjaType = shape.name;
    this.#shape = shape;
    this.#source = source;
    this.#logger = logger;
  }

  jinjaGet(name: string): Value | undefined {
    return name === 'to_dict'
      ? callable(name, 'omit_none=False', (omitNone) => this.toDict(omitNone === true))
      : this.field(name);
  }

  jinjaRepr(): string {
    return this.reprOf(this.names());
  }

  jinjaText(): string {
    return this.jinjaRepr();
  }

  toJsonValue(): unknown {
    return this.#source;
  }

  /** The dict as in artifacts. */
  toDict(omitNone: boolean): Value {
    return fromJson(omitNone ? withoutNulls(this.#source, this.#shape) : this.#source);
  }

  /** Names of attributes, in artifact order. */
  protected names(): string[] {
    return Object.keys(this.#source)
      .filter((key) => this.#source[key] !== undefined)
      .map(attributeOf);
  }

  protected reprOf(names: readonly string[], first: readonly string[] = []): string {
    const fields = names.map((name) => `${name}=${toRepr(this.field(name) ?? null)}`);
    return `${this.#shape.name}(${[...first, ...fields].join(', ')})`;
  }

  protected field(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const key = DASHED.get(name) ?? name;
    const source = attributeOf(name) === name && Object.hasOwn(this.#source, key) ? this.#source[key] : undefined;
    if (source === undefined) return undefined;
    const member = typeof source === 'string' ? this.#shape.enums?.[name]?.(source) : undefined;
    const value = member ?? shaped(source, this.#shape.fields?.[name], this.#logger);
    this.#values.set(name, value);
    return value;
  }
}

/** dbt's BaseConfig: fields are attributes, extras are items, missing names are None. */
class ConfigRecord extends DataclassRecord {
  readonly #own: ReadonlySet<string>;
  readonly #warn: (key: string) => void;

  constructor(shape: RecordClass, source: PlainRecord, logger: Logger, own: ReadonlySet<string>) {
    super(shape, source, logger);
    this.#own = own;
    this.#warn = (key) => fireMetaKeyWarning(logger, key);
  }

  override jinjaGet(name: string): Value | undefined {
    if (name === 'get')
      return callable(name, 'key, default=None', (key = null, fallback = null) => this.#get(key, fallback));
    if (name === 'meta_get')
      return callable(name, 'key, default=None', (key = null, fallback = null) => {
        const value = this.#meta(key);
        return value === undefined ? fallback : value;
      });
    if (name === '_extra' || name === 'extra') return this.#extra();
    return name === 'to_dict' || this.#own.has(name) ? super.jinjaGet(name) : undefined;
  }

  jinjaItem(key: Value): Value | undefined {
    return this.#get(key, null);
  }

  jinjaIter(): Iterable<Value> {
    return this.names();
  }

  jinjaContains(item: Value): boolean {
    return typeof item === 'string' && this.names().includes(item);
  }

  jinjaLength(): number {
    return this.names().length;
  }

  override jinjaRepr(): string {
    const own = this.names().filter((name) => this.#own.has(name));
    return this.reprOf(own, [`_extra=${toRepr(this.#extra())}`]);
  }

  #extra(): Value {
    const extras = this.names().filter((name) => !this.#own.has(name));
    return new PyDict(extras.map((name) => [name, this.field(name) ?? null]));
  }

  #get(key: Value, fallback: Value): Value {
    if (key === '_extra') return this.#extra();
    const found = typeof key === 'string' ? this.field(key) : undefined;
    if (found !== undefined) return found;
    if (this.#meta(key) !== undefined) this.#warn(toText(key));
    return fallback;
  }

  #meta(key: Value): Value | undefined {
    const meta = this.field('meta');
    return meta instanceof PyDict ? meta.get(key) : undefined;
  }
}

/** Only declared fields are omitted if they are None: user dicts and extras of a config are kept as they are. */
function withoutNulls(value: unknown, shape: FieldShape | undefined): unknown {
  if (shape === undefined) return value;
  if ('listOf' in shape) return Array.isArray(value) ? value.map((item) => withoutNulls(item, shape.listOf)) : value;
  if (!isPlainRecord(value)) return value;
  if ('dictOf' in shape)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNulls(item, shape.dictOf)]));
  const kept = Object.entries(value).filter(
    ([key, item]) => item !== null || shape.configFields?.has(attributeOf(key)) === false,
  );
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutNulls(item, shape.fields?.[attributeOf(key)])]));
}
