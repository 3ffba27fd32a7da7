// What the templates of a node call while they are rendered: ref(), source(), config(), macros. The arrays grow with
// each rendering; a node holds them read-only. Leaves rendering to read/parse-rendering.ts.
import type { RefArgs } from '../../contracts/node.ts';
import type { ConfigDict } from '../config/node-config.ts';

export interface NodeCalls {
  readonly refs: RefArgs[];
  readonly sources: (readonly string[])[];
  readonly metrics: (readonly string[])[];
  readonly functions: (readonly string[])[];
  /** Macros by unique_id. */
  readonly macros: string[];
  /** What config() said; needed again when YAML patches the node. */
  config: ConfigDict;
  /** The same as the file writes it. */
  unrendered: ConfigDict;
  /** Keys of config() as dbt's static reader leaves them in `unrendered_config` until a patch comes. */
  written: ConfigDict | null;
}

/** The empty calls of a node that has not been rendered. */
export function newCalls(): NodeCalls {
  return { refs: [], sources: [], metrics: [], functions: [], macros: [], config: {}, unrendered: {}, written: null };
}

/** The same calls, to which a later phase adds its own. */
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
