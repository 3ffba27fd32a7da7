// jobs check: validates jobs.yml against the project as `serve` does at its start, for CI. Needs no database.
import { print } from '../../events/index.ts';
import { pluralize } from '../../log.ts';
import { parse, TsdbtError } from '../../index.ts';
import { promisesOfNodes } from '../promise-place.ts';
import type { CommandSession } from '../command-session.ts';
import { loadProject } from './run.ts';
import { readServed } from './serve-jobs-file.ts';
import { projectSession } from './serve-session.ts';

/**
 * With `--output json`, errors are also part of the single document on stdout.
 * @returns true: serve would start @throws for an error in the project, an SLA, or jobs.yml
 */
export async function checkJobsCommand(session: CommandSession): Promise<boolean> {
  const isJson = session.flags['output'] === 'json';
  try {
    const { path, jobs, channels } = await checked(session);
    const counts = `${pluralize(jobs.length, 'job')}, ${pluralize(channels.length, 'channel')} of alerts`;
    print(
      session.logger,
      isJson
        ? JSON.stringify({ valid: true, path, jobs, channels, error: null })
        : `${path} fits the project: ${counts}`,
    );
    return true;
  } catch (error) {
    if (isJson && error instanceof TsdbtError) print(session.logger, JSON.stringify(refusal(error)));
    throw error;
  }
}

interface Checked {
  readonly path: string;
  /** Names of the jobs. */
  readonly jobs: readonly string[];
  readonly channels: readonly string[];
}

async function checked(session: CommandSession): Promise<Checked> {
  const own = projectSession(session, session.logger);
  const loaded = await loadProject(own);
  try {
    const parsed = await session.withoutWaiting(() => parse(loaded, { write: false }));
    promisesOfNodes(parsed);
    const file = readServed(session, parsed);
    return {
      path: file.path,
      jobs: file.jobs.map(({ name }) => name),
      channels: file.channels.map(({ name }) => name),
    };
  } finally {
    await loaded.adapter.close();
    await loaded.receivers.close();
  }
}

/** The keys are documented in docs/jobs.md and must not change. */
function refusal({ message, errorCode, details }: TsdbtError): object {
  const { path = null, line = null, column = null, hint = null } = details;
  return { valid: false, path, jobs: [], channels: [], error: { code: errorCode, message, line, column, hint } };
}
