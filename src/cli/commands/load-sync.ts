// load for tables of other databases: opens both databases of each table and reports the result. src/loader/sync/
// copies the rows.
import { TsdbtError } from '../../errors.ts';
import { openAdapter } from '../../index.ts';
import { createSync } from '../../loader/create-sink.ts';
import type { SyncTarget } from '../../loader/sync/config.ts';
import { keepSynced, type TableSync } from '../../loader/sync/sync.ts';
import { readDatabase } from '../read-connection.ts';
import type { LoadContext } from './load.ts';

/** Syncs a table, once or on its schedule. @throws a permanent error of the sync */
export async function keepSyncedNow(
  ctx: LoadContext,
  target: SyncTarget,
  once: boolean,
  pause: (ms: number) => Promise<void>,
): Promise<void> {
  const sync = await open(ctx, target);
  await keepSynced({ target, sync, once, signal: ctx.session.signal, pause, say: ctx.say });
}

/** Reports what prevents each table from being synced. @returns whether nothing does */
export async function checkSyncs(ctx: LoadContext): Promise<boolean> {
  let ok = true;
  for (const target of ctx.syncs) {
    const { problems, notes } = await checked(ctx, target);
    ctx.say(`${target.name}: ${problems.length === 0 ? 'OK' : 'not ready'}`);
    for (const problem of problems) ctx.say(`  ${problem}`);
    for (const note of notes) ctx.say(`  Note: ${note}`);
    if (problems.length > 0) ok = false;
  }
  return ok;
}

async function checked(ctx: LoadContext, target: SyncTarget): ReturnType<TableSync['check']> {
  try {
    const sync = await open(ctx, target);
    try {
      return await sync.check();
    } finally {
      await sync.close();
    }
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    return { problems: [error.message], notes: [] };
  }
}

/** The last sync of each table, as a line and as a document whose keys must not change. */
export async function syncStates(
  ctx: LoadContext,
): Promise<readonly { readonly line: string; readonly document: object }[]> {
  const states: { line: string; document: object }[] = [];
  for (const target of ctx.syncs) {
    const sync = await open(ctx, target);
    try {
      const state = await sync.state();
      const { name, uniqueId, schema, identifier, strategy } = target;
      states.push({
        line:
          `${name}  ` +
          (state === null
            ? 'never synced'
            : `synced ${(state.ageMs / 1000).toFixed(0)}s ago, up to ${state.border ?? 'all rows'}`),
        document: {
          table: name,
          unique_id: uniqueId,
          schema,
          identifier,
          strategy,
          synced_at: state?.syncedAt ?? null,
          border: state?.border ?? null,
        },
      });
    } finally {
      await sync.close();
    }
  }
  return states;
}

async function open({ session, parsed, reached, hashKey }: LoadContext, target: SyncTarget): Promise<TableSync> {
  const profile = readDatabase(session, parsed.config, target.connection);
  const from = await openAdapter({ ...parsed.config, profile }, session.env, session.logger);
  session.onEnd(() => from.close());
  return createSync(target, from, parsed.adapter, reached, hashKey);
}
