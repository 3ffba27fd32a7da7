// Measures how long the phases of a parse take, and counts the files of each. Pure: the clock is passed in.
// pipeline/performance.ts writes dbt's perf_info.json.
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
  /** Number of models read, and how many of them were not rendered. */
  models = 0;
  staticModels = 0;

  /** @param now milliseconds, with a fraction */
  constructor(now: () => number) {
    this.#now = now;
    this.#last = now();
  }

  /** Attributes the time since the previous phase, or the start, to this phase. */
  ended(phase: ParsePhase): void {
    const now = this.#now();
    this.phases.set(phase, (now - this.#last) / 1000);
    this.#last = now;
  }

  /** Reads files of one kind. Records nothing if there are none. */
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
