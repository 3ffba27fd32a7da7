// Keeps the project of a job between its runs: reads it again when its files have changed, and keeps the last valid
// version while a commit has broken it.
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isSameProject, type LoadedProject, openAdapter, type ParsedProject } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { promisesOfNodes } from '../promise-place.ts';
import { loadProject, parseLoaded } from './run.ts';

export interface KeptProjectWatcher {
  /** The project cannot be read any more; the previous version continues. */
  broken(error: unknown): void;
  /** The project was read. */
  read(parsed: ParsedProject): void;
  /** The last valid project of `serve` itself, for a job that has not read its own yet. */
  last(): ParsedProject;
}

export class KeptProject {
  readonly #watcher: KeptProjectWatcher;
  #last: ParsedProject | null = null;
  /** Whether the last attempt to read it failed. */
  #broken = false;

  constructor(watcher: KeptProjectWatcher) {
    this.#watcher = watcher;
  }

  /**
   * Returns the current project, with a new adapter that the caller closes.
   * @param fence checked by its sessions before they publish; undefined: no check
   * @throws the error that prevents reading, if there is no previous version: a job with other vars cannot use that of
   *   serve
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
 * SLAs are part of the project that `serve` keeps: if one is invalid, none would be evaluated.
 * @throws for an error in the project or one of its SLAs
 */
export function parseServed(loaded: LoadedProject): ParsedProject {
  const parsed = parseLoaded(loaded);
  promisesOfNodes(parsed);
  return parsed;
}

/** The manifest and graph of one parse, with the invocation of another. */
function renewed(last: ParsedProject, loaded: LoadedProject): ParsedProject {
  const { origin, kept, manifest, facts, dag } = last;
  return { ...loaded, origin, kept, manifest, facts, dag };
}

/**
 * The project of `serve` with the options and target folder of a job. Null if the job has vars, which may change the
 * project.
 */
function ofServe({ flags }: CommandSession, parsed: ParsedProject): ParsedProject | null {
  const { config } = parsed;
  if (!isDeepStrictEqual(flags.vars ?? {}, config.cli_vars)) return null;
  const project = { ...config.project, target_path: flags.target_path ?? config.project.target_path };
  const targetPath = resolve(project.project_root, project.target_path);
  return { ...parsed, config: { ...config, flags, project }, targetPath };
}
