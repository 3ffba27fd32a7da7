// Checks jobs against the parsed project: empty selections, unknown sources, two loaders of one table. The caller
// provides the selection.
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { closestName } from '../../values/close-matches.ts';
import type { Job, JobFile, JobWork } from './job.ts';

/** Queries on the project. The first two may throw selection errors. */
export interface ProjectSelection {
  /** unique_ids of the nodes that the work would run, or of the tables that it would load. */
  readonly select: (work: JobWork) => Iterable<string>;
  /** unique_ids of the sources that a criterion of `after` selects. */
  readonly sources: (criterion: string) => Iterable<string>;
  /** `source:raw.events` of each source table, for hints. */
  readonly known: () => Iterable<string>;
  /** Names of nodes, and `tag:daily` of each tag, for hints. */
  readonly names: () => Iterable<string>;
}

/**
 * @throws `project` error with file, line and job, if its selection is empty, a source of `after` does not exist, or
 *   its loader shares a table with another one
 */
export function checkJobs(file: JobFile, project: ProjectSelection): void {
  const loaders = new Map<string, Job>();
  for (const job of file.jobs) {
    const { name: jobName, path, line, work, timing } = job;
    const refuse = (why: string, hint?: string): never => {
      throw errorOf('emptyJob', { job: jobName, why }, { path, line, ...(hint === undefined ? {} : { hint }) });
    };
    const asked = <T>(question: () => Iterable<T>): T[] => {
      try {
        return [...question()];
      } catch (error) {
        if (!(error instanceof TsdbtError)) throw error;
        throw new TsdbtError(error.kind, `Job '${jobName}' of jobs.yml: ${error.message}`, {
          path,
          line,
          hint: error.details.hint,
          errorCode: error.errorCode,
          cause: error,
        });
      }
    };
    const found = asked(() => project.select(work));
    if (found.length === 0 && !isWholeProject(work))
      refuse(
        `selects nothing: ${inWords(work)}`,
        work.kind === 'load'
          ? 'A source table is loaded when its meta.tsdbt.load names topics or a table.'
          : probably(work.select ?? [], [...project.names(), ...project.known()]),
      );
    if (work.kind === 'load')
      for (const table of found) {
        const other = loaders.get(table);
        if (other !== undefined)
          refuse(
            `loads ${table}, which job '${other.name}' loads, too`,
            'One loader a table: exclude it in one of them.',
          );
        loaders.set(table, job);
      }
    for (const criterion of timing.kind === 'after' ? timing.sources : [])
      if (asked(() => project.sources(criterion)).length === 0) {
        const near = closestName(criterion, project.known());
        refuse(
          `waits for ${criterion}, and the project has no such source`,
          near === undefined ? undefined : `did you mean '${near}'?`,
        );
      }
  }
}

/** A hint for the first unknown name of a selection that resembles a known one. */
function probably(select: readonly string[], known: readonly string[]): string | undefined {
  const words = select.flatMap((each) => each.split(/[\s,]+/)).map((word) => word.replace(/^(?:\d*\+|@)|\+\d*$/g, ''));
  const [near] = words.flatMap((word) => closestName(word, known) ?? []);
  return near === undefined ? undefined : `did you mean '${near}'?`;
}

/** `docs generate` also works for a project without nodes to run. */
function isWholeProject(work: JobWork): boolean {
  return work.kind === 'command' && work.command === 'docs generate' && work.select === null && work.selector === null;
}

function inWords(work: JobWork): string {
  const command = work.kind === 'load' ? 'load' : work.command;
  const criteria = work.kind === 'command' && work.selector !== null ? [`--selector ${work.selector}`] : work.select;
  const without = work.exclude.length === 0 ? '' : `, without ${work.exclude.join(' ')}`;
  return `${command} ${criteria === null ? 'of the whole project' : criteria.join(' ')}${without}`;
}
