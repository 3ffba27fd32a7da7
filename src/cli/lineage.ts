// Sends OpenLineage events of a run while it is running, if environment variables request them. The run and its result
// are the same without them.
import { randomUUID } from 'node:crypto';
import type { RunResult } from '../contracts/results.ts';
import { TsdbtError } from '../errors.ts';
import { note } from '../events/index.ts';
import { type ParsedProject, projectLineage, type RunOutcome, succeeded } from '../index.ts';
import type { QueryLineage } from '../lineage/column-lineage.ts';
import type { LogEvent, Logger } from '../log.ts';
import { LineageEvents } from '../openlineage/events.ts';
import { LineageSender } from '../openlineage/sender.ts';
import { readLineageSettings } from '../openlineage/settings.ts';
import { type CommandSession, now } from './command-session.ts';
import { TSDBT_VERSION } from './version.ts';

/** Milliseconds in which the last events are sent after the run. */
const LAST_MS = 3000;
/** Commands that send events. */
const COMMANDS = ['run', 'build', 'test', 'seed', 'snapshot'];

/** Observes a run and sends its events. */
export interface LineageObserver {
  /** Replaces the run's observer: observes the start of nodes. */
  readonly logger: Logger;
  /** A node has ended. */
  ended(result: RunResult): void;
  /** The run has ended. Waits briefly for the last events. @param outcome null: an error ended it */
  over(outcome: RunOutcome | null): Promise<void>;
}

/**
 * @param selected unique_ids of the nodes whose column lineage is analyzed
 * @returns null if no events are requested
 */
export async function observeLineage(
  session: CommandSession,
  parsed: ParsedProject,
  selected: Iterable<string>,
): Promise<LineageObserver | null> {
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
    columns: await columnLineage(parsed, selected),
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
        // A skipped node also fires NodeStart, but no start line.
        if (event.name === 'LogStartLine') begun(idOf(event));
        parsed.logger.fire(event);
      },
    },
    ended: end,
    async over(outcome) {
      const at = time();
      const results = outcome?.results ?? [];
      // A node that was reported when it ended is not reported again.
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

/** Returns lineage by node id; empty if the parser of the adapter's dialect is not installed, or does not exist. */
async function columnLineage(
  parsed: ParsedProject,
  selected: Iterable<string>,
): Promise<ReadonlyMap<string, QueryLineage>> {
  try {
    return await projectLineage(parsed, selected);
  } catch (error) {
    if (error instanceof TsdbtError) return new Map();
    throw error;
  }
}

/** The node that an event is about; empty if it has none. */
function idOf({ data }: LogEvent): string {
  const info = data?.['node_info'];
  return typeof info === 'object' && info !== null && 'unique_id' in info ? String(info.unique_id) : '';
}
