// Tells whether `tsdbt load` fills a source's table, and reads the settings. loader/load-target.ts interprets them.
import type { LoadOrigin } from '../adapters/adapter.ts';
import type { Json, SourceDefinition } from '../contracts/node.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** What stands under `meta: tsdbt: load:`, whatever it is. */
export function writtenLoad(meta: unknown): Json | undefined {
  return (meta as { tsdbt?: { load?: Json } } | null | undefined)?.tsdbt?.load;
}

/** The settings there; undefined when there are none. */
export function loadSettings(meta: unknown): { readonly [name: string]: Json } | undefined {
  const load = writtenLoad(meta);
  return isDictionary(load) ? load : undefined;
}

const TOPICS = ['topic', 'topics', 'topic_pattern'];

/** What `tsdbt load` fills a source's table from; null: it does not. The loader reads the full settings. */
export function loadOrigin({ meta, config }: Pick<SourceDefinition, 'meta' | 'config'>): LoadOrigin | null {
  const own = loadSettings(meta) ?? loadSettings(config['meta']);
  if (own?.['table'] !== undefined) return 'table';
  return TOPICS.some((option) => own?.[option] !== undefined) ? 'topics' : null;
}
