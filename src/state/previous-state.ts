// The artifacts of the `--state` folder, each read on first use. graph/ compares them.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TsdbtError } from '../errors.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { Json } from '../contracts/node.ts';
import type { ArtifactMetadata, RunResult, RunResultsArtifact, SourcesArtifact } from '../contracts/results.ts';
import type { PreviousState } from '../graph/state-methods.ts';
import { readArtifact } from './artifact-reader.ts';
import { projectResults, readJournal } from './journal.ts';
import { upgradeManifest } from './manifest-upgrade.ts';

export interface PreviousStateOptions extends Pick<PreviousState, 'enforcedConstraints' | 'now' | 'flags'> {
  /** The path as given, relative to the project. */
  readonly folder: string;
  readonly projectRoot: string;
  readonly targetPath: string;
  readonly dbtVersion: string;
  readonly isRunning: (pid: number) => boolean;
}

/** The state in a folder; a missing file is undefined. Its members throw if an artifact is broken. */
export function previousState(options: PreviousStateOptions): PreviousState {
  const { folder, projectRoot, targetPath, dbtVersion, flags } = options;
  const path = resolve(projectRoot, folder);
  return {
    folder,
    enforcedConstraints: options.enforcedConstraints,
    now: options.now,
    flags,
    get manifest() {
      return keep(this, 'manifest', () => {
        const found = readArtifact<Manifest>(join(path, 'manifest.json'), 'manifest');
        const unrendered = flags['state_modified_compare_more_unrendered_values'] !== false;
        return found === undefined
          ? undefined
          : upgradeManifest(found.value, { schema: found.version, dbtVersion, unrendered });
      });
    },
    get results() {
      return keep(this, 'results', () => previousRun(path, options.isRunning)?.results);
    },
    get sources() {
      return keep(this, 'sources', () => ages(path));
    },
    get currentSources() {
      return keep(this, 'currentSources', () => ages(targetPath));
    },
  };
}

function keep<T>(holder: object, name: string, read: () => T): T {
  const value = read();
  Object.defineProperty(holder, name, { value });
  return value;
}

function ages(folder: string): PreviousState['sources'] {
  return readArtifact<SourcesArtifact>(join(folder, 'sources.json'), 'sources')?.value.results;
}

/** The options of a run, and its results. */
export interface PreviousRun {
  readonly args: { readonly [name: string]: Json };
  readonly results: readonly RunResult[];
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/**
 * The last run of a target folder: its results, or, if it was killed, those from its journal; null if there was none.
 * @throws TsdbtError like readArtifact
 */
export function previousRun(folder: string, isRunning: (pid: number) => boolean): PreviousRun | null {
  const path = join(folder, 'run.journal');
  const journal = existsSync(path) ? readJournal(path) : null;
  if (journal !== null && !journal.ended && !isRunning(journal.start.pid)) {
    return {
      args: journal.start.args,
      results: projectResults(journal),
      startedAt: Date.parse(journal.start.started_at),
    };
  }
  const found = readArtifact<RunResultsArtifact>(join(folder, 'run_results.json'), 'run-results')?.value;
  if (found === undefined) return null;
  if (
    typeof found.args !== 'object' ||
    found.args === null ||
    found.results.some((r) => typeof r.unique_id !== 'string' || typeof r.status !== 'string')
  ) {
    throw new TsdbtError(
      'runtime',
      `${join(folder, 'run_results.json')} is no whole RunResultsArtifact: it has to hold the arguments of the ` +
        'run, and for each result its unique_id and status',
    );
  }
  const { invocation_started_at, generated_at }: ArtifactMetadata = found.metadata;
  return { args: found.args, results: found.results, startedAt: Date.parse(invocation_started_at ?? generated_at) };
}
