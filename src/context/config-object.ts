// The `config` object of templates: collects configuration during parsing and reads the node's config at run time. The
// parser merges what was collected.
import { errorOf } from '../error-table.ts';
import { eventOf } from '../events/index.ts';
import type { Logger } from '../log.ts';
import {
  argumentBinder,
  type Callable,
  callable,
  callableOf,
  fromJson,
  type HostObject,
  PyDict,
  qualifiedTypeName,
  toText,
  type Value,
} from '../values/index.ts';
import { lazyDictOf } from './lazy-dict.ts';
import { settle } from './scope.ts';

/** Receives one `config(...)` call: keys as written, hooks under their dashed names. */
export type ConfigRecorder = (options: { readonly [key: string]: Value }) => void;

/** `config` during parsing. */
export class ParseConfigObject implements HostObject {
  readonly jinjaType = 'dbt.context.providers.ParseConfigObject';
  readonly jinjaCall: Callable;
  readonly #record: ConfigRecorder | null;

  /** @param record null where config() must not be called */
  constructor(record: ConfigRecorder | null) {
    this.#record = record;
    this.jinjaCall = (args, kwargs) => {
      const [options] = args;
      if (options !== undefined && args.length === 1 && kwargs.size === 0) return this.#collect(options);
      if (args.length === 0 && kwargs.size > 0) return this.#collect(new PyDict(kwargs));
      throw errorOf('badInlineConfig', {});
    };
  }

  #collect(options: Value): Value {
    if (!(options instanceof PyDict)) throw errorOf('badInlineConfig', {});
    if (this.#record === null) throw errorOf('configWhileParsing', {});
    const out: { [key: string]: Value } = Object.create(null) as { [key: string]: Value };
    for (const [key, value] of options.entries()) {
      const name = toText(key);
      const dashed = name === 'pre_hook' || name === 'post_hook' ? name.replace('_', '-') : name;
      if (dashed !== name && options.has(dashed)) throw errorOf('conflictingConfig', { one: name, two: dashed });
      out[dashed] = value;
    }
    this.#record(out);
    return '';
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'set':
        return callable(name, 'name, value', (key = null, value = null) => this.#collect(new PyDict([[key, value]])));
      case 'require':
      case 'meta_require':
        return callable(name, 'name, validator=None', () => '');
      case 'get':
      case 'meta_get':
        return callable(name, 'name, default=None, validator=None', () => '');
      case 'persist_relation_docs':
      case 'persist_column_docs':
        return callable(name, '', () => false);
      default:
        return undefined;
    }
  }
}

// Kept, because every node requests it several times.
const GET = argumentBinder('get', 'name, default=None, validator=None');

/** The part of a node that `config` reads. Macros and operations may have none. */
export interface Configured {
  readonly unique_id: string;
  readonly config?: { readonly [key: string]: unknown } | undefined;
}

/** `config` while a node is compiled or run. */
export class RuntimeConfigObject implements HostObject {
  readonly jinjaType = 'dbt.context.providers.RuntimeConfigObject';
  readonly jinjaCall: Callable = () => '';
  readonly #node: Configured;
  readonly #logger: Logger;
  readonly #converted = new Map<string, Value>();

  /** @param logger receives a warning if a requested key exists only under `meta` */
  constructor(node: Configured, logger: Logger) {
    this.#node = node;
    this.#logger = logger;
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'set':
        return callable(name, 'name, value', () => '');
      case 'get':
        return callable(name, GET, (key = null, ...rest) => this.#get(this.#lookupOrTell(toText(key)), rest));
      case 'meta_get':
        return callable(name, 'name, default=None, validator=None', (key = null, ...rest) =>
          this.#get(this.#meta(toText(key)), rest),
        );
      case 'require':
        return callable(name, 'name, validator=None', (key = null, validator = null) =>
          this.#require(key, this.lookup(toText(key)), validator),
        );
      case 'meta_require':
        return callable(name, 'name, validator=None', (key = null, validator = null) =>
          this.#require(key, this.#meta(toText(key)), validator),
        );
      case 'model':
        return lazyDictOf(this.#node as Configured & { readonly [field: string]: unknown });
      case 'persist_relation_docs':
        return callable(name, '', () => this.#persistDocs('relation'));
      case 'persist_column_docs':
        return callable(name, '', () => this.#persistDocs('columns'));
      default:
        return undefined;
    }
  }

  /** Returns the value of a config key; `undefined` if the key does not exist. Null is a value. */
  lookup(key: string): Value | undefined {
    const known = this.#converted.get(key);
    if (known !== undefined) return known;
    const { config } = this.#node;
    if (config === undefined) return undefined;
    const name = key === 'pre_hook' || key === 'post_hook' ? key.replace('_', '-') : key;
    const raw =
      name === 'snapshot_table_column_names'
        ? snapshotColumns(config)
        : Object.hasOwn(config, name)
          ? config[name]
          : undefined;
    if (raw === undefined) return undefined;
    const value = fromJson(raw);
    this.#converted.set(key, value);
    return value;
  }

  #lookupOrTell(key: string): Value | undefined {
    const value = this.lookup(key);
    if (value !== undefined || this.#meta(key) === undefined) return value;
    fireMetaKeyWarning(this.#logger, key);
    return undefined;
  }

  #meta(key: string): Value | undefined {
    const meta = this.lookup('meta');
    return meta instanceof PyDict ? meta.get(key) : undefined;
  }

  /** A key with the value null returns null, not the default, as Python's attribute lookup does. */
  #get(value: Value | undefined, [fallback = null, validator = null]: readonly Value[]): Value | Promise<Value> {
    return this.#validated(value === undefined ? fallback : value, fallback === null ? null : validator);
  }

  #require(key: Value, value: Value | undefined, validator: Value): Value | Promise<Value> {
    if (value !== undefined) return this.#validated(value, validator);
    throw errorOf('configMissing', { model: this.#node.unique_id, key: toText(key) });
  }

  #validated(value: Value, validator: Value): Value | Promise<Value> {
    if (validator === null) return value;
    const result = callableOf(validator)([value], new Map());
    if (typeof result !== 'object' || result === null) return value;
    return settle(result).then(() => value);
  }

  #persistDocs(part: 'relation' | 'columns'): Value {
    const docs = this.lookup('persist_docs') ?? new PyDict();
    if (!(docs instanceof PyDict)) {
      throw errorOf('badPersistDocs', { type: qualifiedTypeName(docs) });
    }
    return docs.get(part) ?? false;
  }
}

/** A snapshot's names for its metadata columns; undefined for other nodes. */
function snapshotColumns(config: { readonly [key: string]: unknown }): { readonly [name: string]: string } | undefined {
  const given = config['snapshot_meta_column_names'];
  if (typeof given !== 'object' || given === null) return undefined;
  const names = given as { readonly [name: string]: string | null | undefined };
  return Object.fromEntries(
    ['dbt_valid_from', 'dbt_valid_to', 'dbt_scd_id', 'dbt_updated_at', 'dbt_is_deleted'].map((name) => [
      name,
      names[name] || name,
    ]),
  );
}

/** Warns that a requested config key exists only under `meta`. */
export function fireMetaKeyWarning(logger: Logger, key: string): void {
  const msg =
    `[WARNING]: The key '${key}' was not found using config.get('${key}'), but was detected as a custom ` +
    "config under 'meta'. " +
    `Please use config.meta_get('${key}') or config.meta_require('${key}') instead of config.get('${key}') ` +
    'to access the custom config value if intended.';
  logger.fire(eventOf('GetMetaKeyWarning', msg, { meta_key: key }));
}
