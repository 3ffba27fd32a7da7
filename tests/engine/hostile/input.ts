// What a hostile input is: a small project, a command, and what may come of it. The lists are in inputs-*.ts, running
// them in attempt.ts.

/** A file's contents (made when it is written, for large ones), or what stands in a file's place. */
export type FileContent =
  | string
  | Uint8Array
  | (() => string | Uint8Array)
  | { readonly put: 'folder' | 'fifo' }
  | { readonly link: string };

export interface HostileInput {
  readonly name: string;
  readonly command: readonly string[];
  readonly files: Readonly<Record<string, FileContent>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are right; 1 and 2 when it is left out. */
  readonly exit?: readonly number[];
  /** What the message has to hold: the file, at the least. */
  readonly names?: string | RegExp;
  /** Characters that it may say at most; 200,000 when it is left out. */
  readonly says?: number;
  /** Needs the test's Postgres. */
  readonly database?: boolean;
  /** The project's own setting says where to write, as in dbt. */
  readonly anywhere?: boolean;
  /** Runs in the long form only. */
  readonly long?: boolean;
}

export const PROJECT = "name: p\nversion: '1.0'\nprofile: p\n";
export const HARMLESS = [0, 1, 2];

/** A text again and again. */
export const times = (text: string, count: number): string => text.repeat(count);

/** A project of one model. */
export const MODEL = { 'models/a.sql': 'select 1 as b' };
