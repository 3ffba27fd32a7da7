// A dict that creates its values on first access, for large dicts that are mostly unread, such as `model`, `graph` and
// `builtins`. The first operation that needs all entries turns it into an ordinary dict.
import { fromJson, JinjaError, PyDict, type Value } from '../values/index.ts';

/** The source of the entries. */
export interface DictSource {
  keys(): Iterable<string>;
  has(key: string): boolean;
  /** Creates the value of an existing key. */
  load(key: string): Value;
  /** Returns a value that costs nothing to create; asked first and not kept. Undefined for most keys. */
  known?(key: string): Value | undefined;
  /** Whether values are created again on each access, because their source changes. */
  readonly live?: boolean;
}

export class LazyDict extends PyDict {
  #source: DictSource | null;
  #loaded: Map<string, Value> | undefined;

  constructor(source: DictSource) {
    super();
    this.#source = source;
  }

  override get size(): number {
    if (this.#source?.live === true) return [...this.#source.keys()].length;
    return this.#whole(() => super.size);
  }

  override get(key: Value): Value | undefined {
    const source = this.#source;
    if (source === null || typeof key !== 'string') return source === null ? super.get(key) : undefined;
    const known = source.known?.(key) ?? this.#loaded?.get(key);
    if (known !== undefined) return known;
    if (!source.has(key)) return undefined;
    const value = source.load(key);
    if (source.live !== true) (this.#loaded ??= new Map()).set(key, value);
    return value;
  }

  override has(key: Value): boolean {
    const source = this.#source;
    return source === null ? super.has(key) : typeof key === 'string' && source.has(key);
  }

  override set(key: Value, value: Value): this {
    return this.#whole(() => super.set(key, value));
  }

  override delete(key: Value): boolean {
    return this.#whole(() => super.delete(key));
  }

  override clear(): void {
    this.#source = null;
    super.clear();
  }

  override *keys(): Generator<Value, void, undefined> {
    if (this.#source === null) yield* super.keys();
    else yield* this.#source.keys();
  }

  override values(): IterableIterator<Value> {
    return this.#source?.live === true ? liveValues(this.#source) : this.#whole(() => super.values());
  }

  override entries(): Generator<[Value, Value], void, undefined> {
    return this.#source?.live === true ? liveEntries(this.#source) : this.#whole(() => super.entries());
  }

  override jinjaTruth(): boolean {
    if (this.#source === null) return super.jinjaTruth();
    for (const _ of this.#source.keys()) return true;
    return false;
  }

  override jinjaLength(): number {
    return this.size;
  }

  override jinjaIter(): Iterable<Value> {
    return this.keys();
  }

  /** The first iteration fills the dict; entries added by it do not count as a change. */
  override steady<T>(items: Iterable<T>): Generator<T, void, undefined> {
    return this.#source === null ? super.steady(items) : this.#steadySinceWhole(items);
  }

  *#steadySinceWhole<T>(items: Iterable<T>): Generator<T, void, undefined> {
    let began: number | undefined;
    for (const item of items) {
      if (this.#source === null) {
        began ??= super.size;
        if (super.size !== began) throw new JinjaError('RuntimeError', 'dictionary changed size during iteration');
      }
      yield item;
    }
  }

  override jinjaEquals(other: Value): boolean {
    return this.#whole(() => super.jinjaEquals(other));
  }

  /** Turns the dict into an ordinary one, in the source's order. */
  #whole<T>(then: () => T): T {
    const source = this.#source;
    if (source !== null) {
      this.#source = null;
      for (const key of source.keys()) {
        const known = this.#loaded?.get(key);
        super.set(key, known === undefined ? source.load(key) : known);
      }
      this.#loaded = undefined;
    }
    return then();
  }
}

function* liveValues(source: DictSource): Generator<Value, void, undefined> {
  for (const key of source.keys()) yield source.load(key);
}

function* liveEntries(source: DictSource): Generator<[Value, Value], void, undefined> {
  for (const key of source.keys()) yield [key, source.load(key)];
}

/**
 * Creates a dict over a plain object from artifacts or YAML; values are converted on access. Keys with the value
 * undefined do not exist.
 * @param options onRead is called with each key whose value is read
 */
export function lazyDictOf(source: { readonly [key: string]: unknown }, options: FieldOptions = {}): LazyDict {
  return new LazyDict(fieldsOf(source, options));
}

interface FieldOptions {
  readonly omitNull?: boolean;
  readonly onRead?: (key: string) => void;
}

/** The entries of such a dict. */
export function fieldsOf(source: { readonly [key: string]: unknown }, options: FieldOptions = {}): DictSource {
  const convert = options.omitNull === true ? withoutNulls : fromJson;
  const has = (key: string): boolean => {
    if (!Object.hasOwn(source, key)) return false;
    const value = source[key];
    return value !== undefined && !(options.omitNull === true && value === null);
  };
  return {
    keys: () => Object.keys(source).filter(has),
    has,
    load: (key) => {
      options.onRead?.(key);
      return convert(source[key]);
    },
  };
}

/** Free-form maps keep their nulls: they are user data, not fields of a node. */
const FREE_FORM = new Set(['meta', 'vars', 'unrendered_config', 'kwargs', 'column_types', 'grants']);

/** Drops null fields of nested records, as dbt's `to_dict(omit_none=True)` does. */
export function withoutNulls(value: unknown): Value {
  if (typeof value !== 'object' || value === null || 'jinjaType' in value) return fromJson(value);
  if (Array.isArray(value)) return value.map(withoutNulls);
  const dict = new PyDict();
  const fields = value as { readonly [key: string]: unknown };
  for (const key in fields) {
    const field = fields[key];
    if (field === undefined || field === null || !Object.hasOwn(fields, key)) continue;
    dict.set(key, FREE_FORM.has(key) ? fromJson(field) : withoutNulls(field));
  }
  return dict;
}
