// `graph`: the manifest as one dict of dicts. A node is converted when a template reads it, in its current state,
// compiled or not.
import type { Manifest } from '../contracts/manifest.ts';
import { packageInId, typeInId } from '../graph/node-facts.ts';
import { hasMember, keysOf, laterPeek, peek } from '../graph/unread-record.ts';
import { PyDict, type Value } from '../values/index.ts';
import { type DictSource, fieldsOf, LazyDict, lazyDictOf } from './lazy-dict.ts';

const SECTIONS = [
  'exposures',
  'functions',
  'groups',
  'metrics',
  'nodes',
  'sources',
  'semantic_models',
  'saved_queries',
  'unit_tests',
] as const;

type Graphs = Pick<Manifest, (typeof SECTIONS)[number]>;

/** Creates the `graph` of a command. All nodes share it, because packages keep values in it from node to node. */
export class SharedGraph {
  #manifest: Graphs | undefined;
  #graph: Value = null;

  of(manifest: Graphs): Value {
    if (this.#manifest !== manifest) [this.#manifest, this.#graph] = [manifest, graphDict(manifest)];
    return this.#graph;
  }
}

function graphDict(manifest: Graphs): Value {
  return PyDict.from(new Map<Value, Value>(SECTIONS.map((section) => [section, sectionDict(manifest[section])])));
}

function sectionDict(nodes: Readonly<Record<string, object>>): Value {
  return new LazyDict({
    keys: () => keysOf(nodes),
    has: (key) => hasMember(nodes, key),
    // Changes that a template makes stay in the dict: the run writes the node as parsed.
    load: (key) => {
      const later = laterPeek(nodes, key);
      return later === null ? lazyDictOf(peek(nodes, key) as Fields) : new LazyDict(new UnreadNode(key, later));
    },
    live: true,
  });
}

interface Fields {
  readonly [key: string]: unknown;
}

/**
 * An undecoded node of a cached parse. Templates often walk all nodes to find those of a type or package. Both are in
 * the unique_id, so such a walk decodes no node.
 */
class UnreadNode implements DictSource {
  readonly #id: string;
  readonly #read: () => unknown;
  #known: DictSource | undefined;

  constructor(id: string, read: () => unknown) {
    this.#id = id;
    this.#read = read;
  }

  get #fields(): DictSource {
    return (this.#known ??= fieldsOf(this.#read() as Fields));
  }

  keys(): Iterable<string> {
    return this.#fields.keys();
  }

  has(key: string): boolean {
    return this.known(key) !== undefined || this.#fields.has(key);
  }

  load(key: string): Value {
    return this.known(key) ?? this.#fields.load(key);
  }

  /** Returns a field that is part of the unique_id, `type.package.name`. */
  known(key: string): string | undefined {
    if (key === 'resource_type') return typeInId(this.#id);
    if (key === 'package_name') return packageInId(this.#id);
    return key === 'unique_id' ? this.#id : undefined;
  }
}

/** The `graph` during parsing: empty. */
export function emptyGraph(): Value {
  return PyDict.from(new Map<Value, Value>());
}
