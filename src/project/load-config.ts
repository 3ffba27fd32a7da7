// Tells whether `tsdbt load` fills a source's table, and reads the settings. loader/load-target.ts interprets them.
import type { Json, SourceDefinition } from '../contracts/node.ts';

/** The settings under `meta: tsdbt: load:`; undefined when there are none. */
export function loadSettings(meta: unknown): { readonly [name: string]: Json } | undefined {
  const load = (meta as { tsdbt?: { load?: unknown } } | null | undefined)?.tsdbt?.load;
  return typeof load === 'object' && load !== null && !Array.isArray(load)
    ? (load as { [name: string]: Json })
    : undefined;
}

/** Whether `tsdbt load` fills a source's table. The loader reads the full settings. */
export function hasLoadConfig(source: Pick<SourceDefinition, 'meta' | 'config'>): boolean {
  return (loadSettings(source.meta) ?? loadSettings(source.config['meta']))?.['topic'] !== undefined;
}
