// Reads the project at the start of `serve`. If a commit has broken it, the start fails and an alert is sent: a service
// manager that restarts serve again and again would otherwise hide the failure.
import { loadProject } from './run.ts';
import { parseServed } from './serve-project.ts';
import type { LoadedProject, ParsedProject } from '../../index.ts';
import { Alarms } from '../../serve/alerts/alert-routing.ts';
import { troubleOf } from '../../serve/alerts/alert-subject.ts';
import { createStore } from '../../serve/store/create-store.ts';
import { within } from '../../within.ts';
import { type CommandSession, now } from '../command-session.ts';
import { pause } from '../pause.ts';
import { oneLine } from './every.ts';
import { PROJECT_BROKEN } from './serve-watch.ts';
import { readJobFile } from '../read-job-file.ts';

/** Milliseconds by which alerting may delay the exit. */
const MOST_MS = 15_000;
/** Milliseconds of that for the channels. */
const LAST_MS = 5000;
/** Placeholder for a project that cannot be read. */
const UNKNOWN = { nodes: {}, sources: {}, exposures: {}, groups: {}, unit_tests: {}, child_map: {}, parent_map: {} };

/** @throws for an error in the project, after one alert was sent */
export async function firstProject(session: CommandSession, own: CommandSession): Promise<ParsedProject> {
  const loaded = await loadProject(own);
  try {
    return await own.withoutWaiting(() => parseServed(loaded));
  } catch (error) {
    if (!own.signal.aborted) await within(tell(session, loaded, oneLine(error)), MOST_MS);
    await within(loaded.adapter.close(), LAST_MS);
    throw error;
  }
}

/**
 * Opens the incident that the next successful start closes. Errors here are ignored, so that the start's error is
 * shown.
 */
async function tell(session: CommandSession, { config, adapter }: LoadedProject, reason: string): Promise<void> {
  const mask = (text: string): string => session.secrets.mask(text);
  try {
    const file = readJobFile(session, config);
    const store = createStore(adapter);
    // Without its tables, serve has never run here: the user who starts it for the first time sees the error.
    if (!(await store.exists())) return;
    const project = { manifest: UNKNOWN, jobs: file.jobs, read: () => null };
    const alarms = new Alarms({
      channels: file.channels,
      store,
      clock: { now, sleep: pause },
      random: Math.random,
      fetch,
      project: config.project.project_name,
      linkOf: () => null,
      describe: (incident) => troubleOf(incident, project),
      mask,
      say: () => undefined,
    });
    const { incident } = await store.openIncident(PROJECT_BROKEN, mask(reason));
    alarms.broken(troubleOf(incident, project));
    await alarms.close(LAST_MS);
  } catch {
    // jobs.yml is invalid as well, or the database is unavailable.
  }
}
