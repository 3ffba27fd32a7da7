// Whether a source's table is filled by `tsdbt load`, and what its config says about it. What the settings mean is
// loader/load-target.ts's.
import type { Json, SourceDefinition } from '../contracts/node.ts';

/** What `meta: tsdbt: load:` says; undefined where it says nothing. */
export function loadSettings(meta: unknown): { readonly [name: string]: Json } | undefined {
  const load = (meta as { tsdbt?: { load?: unknown } } | null | undefined)?.tsdbt?.load;
  return typeof load === 'object' && load !== null && !Array.isArray(load)
    ? (load as { [name: string]: Json })
    : undefined;
}

/** Is a source's table filled by `tsdbt load`? What the config says in full is the loader's to read. */
export function hasLoadConfig(source: Pick<SourceDefinition, 'meta' | 'config'>): boolean {
  return (loadSettings(source.meta) ?? loadSettings(source.config['meta']))?.['topic'] !== undefined;
}
