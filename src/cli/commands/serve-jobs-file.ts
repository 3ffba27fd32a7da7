// Keeps jobs.yml for `serve`: reads it again when it or the project has changed, and keeps the last valid version while
// either is invalid. src/serve/ validates jobs and channels.
import { statSync } from 'node:fs';
import { type ParsedProject, select } from '../../index.ts';
import { loadOrigin } from '../../project/load-config.ts';
import type { Channel } from '../../serve/alerts/channel.ts';
import { checkJobs } from '../../serve/jobs/check-jobs.ts';
import type { JobFile, JobWork } from '../../serve/jobs/job.ts';
import { jobPromises } from '../../serve/sla/read-slas.ts';
import type { CommandSession } from '../command-session.ts';
import { readJobFile } from '../read-job-file.ts';
import { oneLine } from './every.ts';
import { sourcesOf } from './serve-runner.ts';
import { whichOf } from './serve-session.ts';

export interface JobsFileWatcher {
  say(text: string, level?: 'info' | 'error'): void;
  /** The jobs cannot be read; the previous ones continue. Called once per reason. */
  broken(reason: string): void;
  /** The jobs can be read again. */
  read(): void;
}

export class JobsFile {
  readonly #session: CommandSession;
  readonly #project: () => ParsedProject;
  #kept: JobFile;
  /** The project that the jobs were last validated against. */
  #checked: ParsedProject['manifest'];
  #mark: string | null;
  #broken: string | null = null;

  /** @param project the current project @throws for an error in the file */
  constructor(session: CommandSession, project: () => ParsedProject) {
    this.#session = session;
    this.#project = project;
    this.#checked = project().manifest;
    this.#kept = this.#read();
    this.#mark = this.#markOf();
  }

  get file(): JobFile {
    return this.#kept;
  }

  /** Channels in `alerts`; the same list until the file is read again. */
  get channels(): readonly Channel[] {
    return this.#kept.channels;
  }

  /** Returns the jobs, read again if something has changed. An error is reported once. */
  current(watcher: JobsFileWatcher): JobFile['jobs'] {
    const mark = this.#markOf();
    const { manifest } = this.#project();
    const isChanged = mark !== this.#mark;
    if (!isChanged && manifest === this.#checked) return this.file.jobs;
    this.#mark = mark;
    this.#checked = manifest;
    try {
      const kept = this.#read();
      if (isChanged || this.#broken !== null) {
        this.#kept = kept;
        watcher.say(`${this.file.path} was read again${this.#broken === null ? '' : ': recovered'}`);
      }
      if (this.#broken !== null) watcher.read();
      this.#broken = null;
    } catch (error) {
      const reason = oneLine(error);
      if (reason !== this.#broken) {
        watcher.say(`The jobs cannot be read: ${reason}. Those before go on.`, 'error');
        watcher.broken(reason);
      }
      this.#broken = reason;
    }
    return this.file.jobs;
  }

  #markOf(): string | null {
    const stat = statSync(this.file.path, { throwIfNoEntry: false });
    return stat === undefined ? null : `${stat.mtimeMs} ${stat.size}`;
  }

  #read(): JobFile {
    return readServed(this.#session, this.#project());
  }
}

/**
 * Reads what `serve` needs from jobs.yml and validates it against the project. Needs no database. @throws for an error
 * in it
 */
export function readServed(session: CommandSession, parsed: ParsedProject): JobFile {
  const file = readJobFile(session, parsed.config);
  jobPromises(file.jobs);
  checkJobs(file, {
    select: (work) => selectedBy(work, parsed),
    sources: (criterion) => sourcesOf(parsed, criterion).map(({ unique_id }) => unique_id),
    known: () => Object.values(parsed.manifest.sources).map(({ source_name, name }) => `source:${source_name}.${name}`),
    names: () =>
      Object.values(parsed.manifest.nodes).flatMap(({ name, tags }) => [name, ...tags.map((tag) => `tag:${tag}`)]),
  });
  return file;
}

function selectedBy(work: JobWork, parsed: ParsedProject): ReadonlySet<string> {
  const { exclude, kind } = work;
  const { config, manifest } = parsed;
  const accepts = (id: string): boolean => {
    const source = manifest.sources[id];
    return source !== undefined && loadOrigin(source) !== null;
  };
  const flags = {
    ...config.flags,
    select: work.select === null ? null : [...work.select],
    exclude: [...exclude],
    selector: kind === 'command' ? work.selector : null,
  };
  const changed = { ...parsed, config: { ...config, flags } };
  if (kind === 'load') return select(changed, { which: 'load', accepts }).selected;
  return select(changed, { which: whichOf(work.command) }).selected;
}
