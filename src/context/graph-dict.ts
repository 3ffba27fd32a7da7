// `graph`: the manifest as one dict of dicts. A node is converted when a template reads it, in its state at that
// moment, compiled or not.
import type { Manifest } from '../contracts/manifest.ts';
import { hasMember, keysOf, peek } from '../graph/unread-record.ts';
import { PyDict, type Value } from '../values/index.ts';
import { LazyDict, lazyDictOf } from './lazy-dict.ts';

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

/** The `graph` of a command: one for all nodes, because packages keep values of their own in it from node to node. */
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
    // What a template does to the dict stays there: the run writes the node as the parse has kept it.
    load: (key) => lazyDictOf(peek(nodes, key) as { readonly [key: string]: unknown }),
    live: true,
  });
}

/** The `graph` while parsing: empty. */
export function emptyGraph(): Value {
  return PyDict.from(new Map<Value, Value>());
}
