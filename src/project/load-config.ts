// Tells whether `tsdbt load` fills a source's table, and reads the settings. loader/load-target.ts interprets them.
import type { Json, SourceDefinition } from '../contracts/node.ts';

/** The settings under `meta: tsdbt: load:`; undefined when there are none. */
export function loadSettings(meta: unknown): { readonly [name: string]: Json } | undefined {
  const load = (meta as { tsdbt?: { load?: unknown } } | null | undefined)?.tsdbt?.load;
  return typeof load === 'object' && load !== null && !Array.isArray(load)
    ? (load as { [name: string]: Json })
    : undefined;
}

/** What a table's rows come from: topics, or a table of another database. */
const ORIGINS = ['topic', 'topics', 'topic_pattern', 'table'];

/** Whether `tsdbt load` fills a source's table, from Kafka or from a table of another database. */
export function isLoaded(source: Pick<SourceDefinition, 'meta' | 'config'>): boolean {
  const own = ownSettings(source);
  return ORIGINS.some((option) => own?.[option] !== undefined);
}

/** Whether a source's table is filled from one topic. The loader reads the full settings. */
export function hasLoadConfig(source: Pick<SourceDefinition, 'meta' | 'config'>): boolean {
  return ownSettings(source)?.['topic'] !== undefined;
}

function ownSettings({ meta, config }: Pick<SourceDefinition, 'meta' | 'config'>): ReturnType<typeof loadSettings> {
  return loadSettings(meta) ?? loadSettings(config['meta']);
}
