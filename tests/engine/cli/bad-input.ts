// A row of bad input: a tiny project, and all that the program says of it.

export const PROJECT = "name: p\nversion: '1.0'\nprofile: p\n";

export interface Row {
  readonly name: string;
  readonly command?: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly output?: Readonly<Record<string, unknown>>;
  readonly exit: number;
  /** The whole message: what stands behind the head of the log, without the summary of a run. */
  readonly says: string;
}

export const text = (...lines: string[]): string => lines.join('\n');
export const stopped = (...lines: string[]): string => text('[ERROR]: Encountered an error:', ...lines);
