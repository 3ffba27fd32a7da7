// Returns whether `tsdbt load` fills a source's table, and the settings as written. loader/load-target.ts interprets
// them.
import type { LoadOrigin } from '../adapters/adapter.ts';
import type { Json, SourceDefinition } from '../contracts/node.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** The value of `meta: tsdbt: load:`, of any type. */
export function writtenLoad(meta: unknown): Json | undefined {
  return (meta as { tsdbt?: { load?: Json } } | null | undefined)?.tsdbt?.load;
}

/** Returns the settings; undefined if there are none. */
export function loadSettings(meta: unknown): { readonly [name: string]: Json } | undefined {
  const load = writtenLoad(meta);
  return isDictionary(load) ? load : undefined;
}

const TOPICS = ['topic', 'topics', 'topic_pattern', 'replicate'];

/** Returns what `tsdbt load` fills a source's table from; null if it does not. */
export function loadOrigin({ meta, config }: Pick<SourceDefinition, 'meta' | 'config'>): LoadOrigin | null {
  const own = loadSettings(meta) ?? loadSettings(config['meta']);
  if (own?.['table'] !== undefined) return 'table';
  return TOPICS.some((option) => own?.[option] !== undefined) ? 'topics' : null;
}
