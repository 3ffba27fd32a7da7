// Measures how long the phases of a parse take, and counts the files of each. Pure: the clock is given. What dbt's
// perf_info.json makes of it is left to pipeline/performance.ts.
import type { SourceFile } from '../../contracts/project.ts';

/** dbt's phases: macros, files of nodes and properties, sources, links and checks. */
export type ParsePhase = 'macros' | 'files' | 'sources' | 'links';

/** The files of one kind in one project; `seconds` is the time spent on them. */
export interface ReadFiles {
  readonly project: string;
  readonly kind: SourceFile['kind'];
  readonly files: number;
  readonly seconds: number;
}

export class ParseClock {
  readonly #now: () => number;
  #last: number;
  /** Seconds of each phase that was reached. */
  readonly phases = new Map<ParsePhase, number>();
  readonly read: ReadFiles[] = [];
  /** Models that were read, and those of them that were not rendered. */
  models = 0;
  staticModels = 0;

  /** @param now milliseconds, with a fraction */
  constructor(now: () => number) {
    this.#now = now;
    this.#last = now();
  }

  /** Counts the time since the last phase, or the beginning, as time of this one. */
  ended(phase: ParsePhase): void {
    const now = this.#now();
    this.phases.set(phase, (now - this.#last) / 1000);
    this.#last = now;
  }

  /** Reads files of one kind. Nothing is noted when there are none. */
  files(
    project: string,
    kind: SourceFile['kind'],
    files: readonly SourceFile[],
    read: (file: SourceFile) => void,
  ): void {
    if (files.length === 0) return;
    const start = this.#now();
    for (const file of files) read(file);
    this.read.push({ project, kind, files: files.length, seconds: (this.#now() - start) / 1000 });
  }
}
