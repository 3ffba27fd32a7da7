// source freshness: measures selected sources, and models with a freshness setting; writes sources.json, and
// freshness.json for models.
import { resolve } from 'node:path';
import {
  execute,
  type Freshness,
  freshnessKind,
  hasFreshness,
  printResultError,
  type RunOutcome,
  select,
  succeeded,
  writeFreshness,
} from '../../index.ts';
import { deprecation } from '../../project/deprecations.ts';
import type { CommandSession } from '../command-session.ts';
import { Interrupted } from '../ending.ts';
import { loadAndParse } from './run.ts';

export async function freshnessCommand(session: CommandSession): Promise<boolean> {
  const { cwd, flags, logger, signal } = session;
  const parsed = await loadAndParse(session);
  const path = flags['output'] ? String(flags['output']) : null;
  if (path !== null) deprecation(logger, 'CustomOutputPathInSourceFreshnessDeprecation', { path });
  const measured = new Map<string, Freshness>();
  const save = (outcome: RunOutcome): void =>
    writeFreshness(parsed, outcome, measured, path === null ? undefined : resolve(cwd, path));
  const kind = freshnessKind(measured);
  const selection = select(parsed, { accepts: (id) => hasFreshness(parsed.manifest, id) });
  const outcome = await execute(parsed, selection, { signal, kindOf: () => kind, stopped: save });
  save(outcome);
  const { log } = outcome.ctx;
  for (const r of outcome.results) if (r.status === 'error' || r.status === 'runtime error') printResultError(log, r);
  if (outcome.interrupted) throw new Interrupted();
  log.freshnessDone();
  return succeeded(outcome.results);
}
