// Sends OpenLineage events of a run while it goes on, when environment variables ask for them. What a run does and how
// it ends is the same without.
import { randomUUID } from 'node:crypto';
import type { RunResult } from '../contracts/results.ts';
import { note } from '../events/index.ts';
import { type ParsedProject, type RunOutcome, succeeded } from '../index.ts';
import type { LogEvent, Logger } from '../log.ts';
import { LineageEvents } from '../openlineage/events.ts';
import { LineageSender } from '../openlineage/sender.ts';
import { readLineageSettings } from '../openlineage/settings.ts';
import { type CommandSession, now } from './command-session.ts';
import { TSDBT_VERSION } from './version.ts';

/** Milliseconds that the last events have after the run. */
const LAST_MS = 3000;
/** Commands that have events. */
const COMMANDS = ['run', 'build', 'test', 'seed', 'snapshot'];

/** Sees a run, and tells of it. */
export interface LineageObserver {
  /** In the place of the run's: sees nodes begin. */
  readonly logger: Logger;
  /** A node has ended. */
  ended(result: RunResult): void;
  /** The run is over. Waits for the last events, for a short while. @param outcome null: an error ended it */
  over(outcome: RunOutcome | null): Promise<void>;
}

/** @returns null when no events are asked for */
export function observeLineage(session: CommandSession, parsed: ParsedProject): LineageObserver | null {
  const { env, logger, secrets, flags, invocation } = session;
  const warn = (text: string): void => note(logger, secrets.mask(text), { level: 'warn' });
  if (!COMMANDS.includes(flags.which)) return null;
  const settings = readLineageSettings(env, warn);
  if (settings === null) return null;
  secrets.add(env['OPENLINEAGE_API_KEY']);
  const { config, manifest } = parsed;
  const events = new LineageEvents({
    settings,
    manifest,
    command: flags.which,
    project: config.project.project_name,
    credentials: config.profile.credentials,
    invocationId: invocation.invocation_id,
    version: TSDBT_VERSION,
    newId: randomUUID,
  });
  const sender = new LineageSender(settings.target, { fetch, mask: (json) => secrets.maskJson(json), warn });
  const time = (): string => new Date(now()).toISOString();
  sender.send(events.started(invocation.started_at.toISOString()));
  const begun = (id: string): void => {
    const node = manifest.nodes[id];
    const event = node === undefined ? null : events.begun(node, time());
    if (event !== null) sender.send(event);
  };
  const end = (result: RunResult): void => {
    const event = events.ended(result, result.timing.at(-1)?.completed_at ?? time());
    if (event !== null) sender.send(event);
  };
  return {
    logger: {
      fire(event) {
        // A node that is skipped has NodeStart, too, and no line that it starts.
        if (event.name === 'LogStartLine') begun(idOf(event));
        parsed.logger.fire(event);
      },
    },
    ended: end,
    async over(outcome) {
      const at = time();
      const results = outcome?.results ?? [];
      // What was told as it ended is not told again.
      for (const result of results) end(result);
      for (const event of [...events.aborted(at), ...events.tests(results, at)]) sender.send(event);
      const failed = results.filter(({ status }) => status === 'error' || status === 'fail');
      const type = outcome?.interrupted
        ? 'ABORT'
        : outcome !== null && succeeded(outcome.results)
          ? 'COMPLETE'
          : 'FAIL';
      const names = failed.slice(0, 5).map(({ unique_id }) => unique_id);
      const more = failed.length > names.length ? ` and ${failed.length - names.length} more` : '';
      sender.send(events.finished(type, at, names.length > 0 ? `failed: ${names.join(', ')}${more}` : null));
      await sender.close(LAST_MS);
    },
  };
}

/** The node that an event tells of; empty: none. */
function idOf({ data }: LogEvent): string {
  const info = data?.['node_info'];
  return typeof info === 'object' && info !== null && 'unique_id' in info ? String(info.unique_id) : '';
}
