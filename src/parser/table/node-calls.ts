// Records the calls of a node's templates: ref(), source(), config(), macros. Each rendering appends to the arrays;
// nodes reference them read-only. read/parse-rendering.ts renders.
import type { RefArgs } from '../../contracts/node.ts';
import type { ConfigDict } from '../config/node-config.ts';

export interface NodeCalls {
  readonly refs: RefArgs[];
  readonly sources: (readonly string[])[];
  readonly metrics: (readonly string[])[];
  readonly functions: (readonly string[])[];
  /** Macros by unique_id. */
  readonly macros: string[];
  /** Values of config(), needed again when YAML patches the node. */
  config: ConfigDict;
  /** The same values as written in the file. */
  unrendered: ConfigDict;
  /** Keys of config() as dbt's static parser keeps them in `unrendered_config` until a patch is applied. */
  written: ConfigDict | null;
}

/** Empty calls of a node before rendering. */
export function newCalls(): NodeCalls {
  return { refs: [], sources: [], metrics: [], functions: [], macros: [], config: {}, unrendered: {}, written: null };
}

/** Copies the calls, so that a later phase can add to them. */
export function continuedCalls(calls: NodeCalls): NodeCalls {
  return {
    refs: [...calls.refs],
    sources: [...calls.sources],
    metrics: [...calls.metrics],
    functions: [...calls.functions],
    macros: [...calls.macros],
    config: { ...calls.config },
    unrendered: { ...calls.unrendered },
    written: calls.written,
  };
}
