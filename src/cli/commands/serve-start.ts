// The project that serve begins with. One that a commit has broken ends the start, and whoever gets alarms is told: a
// service that is started again and again would otherwise fail unseen.
import { loadProject } from './run.ts';
import { parseServed } from './serve-project.ts';
import type { LoadedProject, ParsedProject } from '../../index.ts';
import { Alarms } from '../../serve/alarms/alarms.ts';
import { troubleOf } from '../../serve/alarms/subject.ts';
import { createStore } from '../../serve/store/create-store.ts';
import { within } from '../../within.ts';
import { type CommandSession, now } from '../command-session.ts';
import { pause } from '../pause.ts';
import { oneLine } from './every.ts';
import { channelsOf } from './serve-jobs-file.ts';
import { PROJECT_BROKEN } from './serve-watch.ts';
import { readJobFile } from '../read-job-file.ts';

/** Milliseconds that telling may hold up the end of the start. */
const MOST_MS = 15_000;
/** Of these, milliseconds for the receivers. */
const LAST_MS = 5000;
/** Nothing is known of a project that cannot be read. */
const UNKNOWN = { nodes: {}, sources: {}, exposures: {}, groups: {}, unit_tests: {}, child_map: {}, parent_map: {} };

/** @throws what is wrong with the project, after it was told once to those who get alarms of it */
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

/** Opens the incident that the next start without fault closes. Whatever fails here, the start's error is shown. */
async function tell(session: CommandSession, { config, adapter }: LoadedProject, reason: string): Promise<void> {
  const mask = (text: string): string => session.secrets.mask(text);
  try {
    const file = readJobFile(session, config);
    const store = createStore(adapter);
    // Without its tables, serve never ran here: who starts it for the first time sees the error.
    if (!(await store.exists())) return;
    const project = { manifest: UNKNOWN, jobs: file.jobs, read: () => null };
    const alarms = new Alarms({
      channels: channelsOf(session, config, file),
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
    // jobs.yml is broken, too, or the database is away.
  }
}
