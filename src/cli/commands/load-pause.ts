// load pause, load resume: marks the selected tables in the bookkeeping tables, where running loaders read the mark.
import type { LoadContext } from './load.ts';

/** Pauses or resumes the selected tables. */
export async function pauseTables({ targets, sink, say }: LoadContext, paused: boolean): Promise<boolean> {
  for (const target of targets) {
    const changed = await sink.setPaused(target, paused);
    say(`${target.name}: ${paused ? (changed ? 'paused' : 'was paused') : changed ? 'goes on' : 'was not paused'}`);
  }
  return true;
}
