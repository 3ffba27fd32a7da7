// The project of a job between its runs: read again when its files have changed, and as it last was when a commit has
// broken it. Runs nothing.
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isSameProject, type LoadedProject, openAdapter, type ParsedProject } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { promisesOfNodes } from '../promise-place.ts';
import { loadProject, parseLoaded } from './run.ts';

export interface KeptProjectWatcher {
  /** The project cannot be read any more; the one before goes on. */
  broken(error: unknown): void;
  /** It was read. */
  read(parsed: ParsedProject): void;
  /** The project as it was last good for serve itself: what a job goes on with that was never read. */
  last(): ParsedProject;
}

export class KeptProject {
  readonly #watcher: KeptProjectWatcher;
  #last: ParsedProject | null = null;
  /** The newest reading failed. */
  #broken = false;

  constructor(watcher: KeptProjectWatcher) {
    this.#watcher = watcher;
  }

  /**
   * The project as it is, with an adapter of its own that the caller closes.
   * @param fence what its sessions ask before they publish; undefined: nothing
   * @throws what keeps it from being read, when there is none of before: that of serve is not a job's with other vars
   */
  async open(session: CommandSession, fence?: LoadedProject['fence']): Promise<ParsedProject> {
    const last = this.#last;
    let loaded: LoadedProject | null = null;
    try {
      loaded = { ...(await loadProject(session)), fence };
      const same = last !== null && isSameProject(last, loaded);
      const parsed = same ? renewed(last, loaded) : parseServed(loaded);
      this.#last = parsed;
      if (!same || this.#broken) this.#watcher.read(parsed);
      this.#broken = false;
      return parsed;
    } catch (error) {
      await loaded?.adapter.close();
      this.#broken = true;
      this.#watcher.broken(error);
      const before = last ?? ofServe(session, this.#watcher.last());
      if (before === null) throw error;
      const { invocation, logger, env } = session;
      const config = { ...before.config, invocation };
      return renewed(before, { ...before, config, logger, fence, adapter: await openAdapter(config, env, logger) });
    }
  }
}

/**
 * Promises are a part of the project that serve keeps: with a wrong one nobody would look at the others.
 * @throws what is wrong with the project or a promise of it
 */
export function parseServed(loaded: LoadedProject): ParsedProject {
  const parsed = parseLoaded(loaded);
  promisesOfNodes(parsed);
  return parsed;
}

/** The manifest and graph of one parse under the invocation of another. */
function renewed(last: ParsedProject, loaded: LoadedProject): ParsedProject {
  const { origin, kept, manifest, facts, dag } = last;
  return { ...loaded, origin, kept, manifest, facts, dag };
}

/** The project of serve with the options and folder of a job. null: the job's vars may make another one of it */
function ofServe({ flags }: CommandSession, parsed: ParsedProject): ParsedProject | null {
  const { config } = parsed;
  if (!isDeepStrictEqual(flags.vars ?? {}, config.cli_vars)) return null;
  const project = { ...config.project, target_path: flags.target_path ?? config.project.target_path };
  const targetPath = resolve(project.project_root, project.target_path);
  return { ...parsed, config: { ...config, flags, project }, targetPath };
}
