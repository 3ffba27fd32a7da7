// Compaction of closed days in archives for `load`: schedules it and reports progress. src/loader/archive/compact.ts
// compacts.
import { randomUUID } from 'node:crypto';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { type ArchiveTarget, COMPACT, type CompactConfig, isArchive } from '../../loader/settings/archive-settings.ts';
import type { Compacted, CompactionState } from '../../loader/archive/compact.ts';
import { createLedger } from '../../loader/create-sink.ts';
import type { LoadTarget } from '../../loader/settings/load-target.ts';
import { type CommandSession, now } from '../command-session.ts';
import { pause } from '../pause.ts';
import { readStore } from '../read-connection.ts';
import type { LoadContext } from './load.ts';

/** Interval between two checks for closed days. */
const EVERY_MS = 600_000;
/** Archives without `compact: true` are checked only once in so many checks. */
const ROUNDS_OF_OTHERS = 6;
/** Maximum number of sources that a message names. */
const NAMED = 5;

/**
 * Compacts the closed days of the archives once, or repeatedly until the signal is aborted. Failures are reported and
 * retried at the next check.
 */
export async function keepCompacted(
  ctx: LoadContext,
  targets: readonly LoadTarget[],
  { once, signal }: { readonly once: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const archives = targets.filter(isArchive);
  const told = new Map<string, string>();
  const say = (name: string, line: string): void => {
    if (told.get(name) !== line) ctx.say(`${name}: ${line}`);
    told.set(name, line);
  };
  for (let round = 0; archives.length > 0 && !signal.aborted; round++) {
    for (const target of archives)
      try {
        // If nothing was merged, there is rarely anything to clean up.
        if (target.archive.compact === undefined && round % ROUNDS_OF_OTHERS !== 0) continue;
        if ((await ctx.sink.kept(target)).paused !== null) continue;
        const done = await compactOne(ctx, target, target.archive.compact ?? null, signal);
        if (done.into + done.deleted > 0) say(target.name, lineOf(done));
        for (const problem of done.problems) say(target.name, problem);
      } catch (error) {
        if (!(error instanceof TsdbtError)) throw error;
        say(target.name, `closed days were not compacted: ${error.message}`);
      }
    if (once) return;
    await pause(EVERY_MS, signal);
  }
}

/** Compacts the closed days of the selected archives, even if `compact` is off. @returns whether all succeeded */
export async function compactNow(ctx: LoadContext): Promise<boolean> {
  const archives = archivesOf(ctx);
  let ok = true;
  for (const target of archives) {
    const { compact = COMPACT, path } = target.archive;
    if (!path.includes('{day}')) {
      ctx.say(`${target.name}: its path has no {day}, and the files of a day are what is joined`);
      continue;
    }
    const done = await compactOne(ctx, target, compact, ctx.session.signal);
    ctx.say(`${target.name}: ${done.busy ? 'another process is at it' : lineOf(done)}`);
    for (const problem of done.problems) ctx.say(`  ${problem}`);
    if (done.into > 0 && target.archive.compact === undefined)
      ctx.say(
        "  archived_rows counts these files twice until they are deleted: it looks for joined ones with 'compact'",
      );
    if (done.problems.length > 0) ok = false;
  }
  return ok;
}

/**
 * Returns the archives of the selected sources. @throws `runtime` error that names the sources if none has an archive
 */
export function archivesOf({ session, targets }: LoadContext): readonly ArchiveTarget[] {
  const archives = targets.filter(isArchive);
  if (archives.length === 0) throw lacks(session, 'an archive', targets);
  return archives;
}

/** The error of a `load` action without anything to work on. @param sources the selected ones */
export function lacks(
  { positional }: CommandSession,
  what: string,
  sources: readonly { readonly name: string }[],
): TsdbtError {
  const names = sources.slice(0, NAMED).map(({ name }) => name);
  const more = sources.length - names.length;
  const text = `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return errorOf('actionLacks', { action: positional[0] ?? '', what, sources: text });
}

/**
 * Describes the pending work on the closed days of an archive; null if `compact` is off or the archive was never
 * loaded.
 */
export async function compactionOf(ctx: LoadContext, target: LoadTarget): Promise<CompactionState | null> {
  if (!isArchive(target) || target.archive.compact === undefined) return null;
  if ((await ctx.sink.kept(target)).positions.size === 0) return null;
  const { compactionState } = await import('../../loader/archive/compact.ts');
  const ledger = createLedger(ctx.parsed.adapter, ctx.sink);
  return compactionState({ target, ledger, compact: target.archive.compact, now });
}

async function compactOne(
  ctx: LoadContext,
  target: ArchiveTarget,
  compact: CompactConfig | null,
  signal: AbortSignal,
): Promise<Compacted> {
  const { parsed, session, sink, reached } = ctx;
  const { compactArchive } = await import('../../loader/archive/compact.ts');
  const ledger = createLedger(parsed.adapter, sink);
  await ledger.prepare(target);
  const store = await readStore(session, parsed.config, target.archive.connection);
  try {
    return await compactArchive({ target, ledger, store, compact, owner: randomUUID(), signal, now, reached });
  } finally {
    store.close();
  }
}

function lineOf({ joined, into, deleted }: Compacted): string {
  return `${joined} files of closed days joined into ${into}, ${deleted} replaced files deleted`;
}
