// The only error class, the table of its kinds, and the formatting of an error for users, shared by every command.

/** One row per kind: the code of its class, dbt's heading, and the exit code of a command that it ends. */
export const ERROR_KINDS = {
  compilation: { code: 'T2100', heading: 'Compilation Error', exitCode: 2 },
  parsing: { code: 'T2000', heading: 'Parsing Error', exitCode: 2 },
  runtime: { code: 'T3000', heading: 'Runtime Error', exitCode: 2 },
  database: { code: 'T4000', heading: 'Database Error', exitCode: 2 },
  validation: { code: 'T2500', heading: 'Validation Error', exitCode: 2 },
  project: { code: 'T1100', heading: 'Runtime Error', exitCode: 2 },
  profile: { code: 'T1200', heading: 'Runtime Error', exitCode: 2 },
  dependency: { code: 'T1300', heading: 'Runtime Error', exitCode: 2 },
  selector: { code: 'T1400', heading: 'Runtime Error', exitCode: 2 },
  contractChange: { code: 'T2400', heading: 'Breaking change to contract Error', exitCode: 2 },
  contract: { code: 'T2300', heading: 'Compilation Error', exitCode: 2 },
  usage: { code: 'T1000', heading: 'Usage Error', exitCode: 2 },
  connection: { code: 'T4100', heading: 'Database Error', exitCode: 2 },
  failFast: { code: 'T3900', heading: 'FailFast Error', exitCode: 1 },
  undefinedMacro: { code: 'T2200', heading: 'Compilation Error', exitCode: 2 },
  internal: { code: 'T9000', heading: 'Internal Error', exitCode: 2 },
} as const;

export type ErrorKind = keyof typeof ERROR_KINDS;

/** One frame of a call stack: a macro, a model, a file. */
export interface ErrorFrame {
  /** `macro`, `model`, `test`, … as in the node's resource_type. */
  readonly type: string;
  readonly name: string;
  readonly path: string;
  readonly line?: number | undefined;
}

export interface ErrorDetails {
  /** The node that raised the error: `model b (models/b.sql)`. */
  node?:
    | { resource_type: string; name: string; original_file_path: string; unique_id?: string | undefined }
    | undefined;
  path?: string | undefined;
  /** 1-based. */
  line?: number | undefined;
  /** 1-based, in code points. */
  column?: number | undefined;
  /** Text of the source line, shown with a caret below `column`. */
  lineText?: string | undefined;
  /** Last line of the message, with file or folder, in dbt's wording. */
  footer?: string | undefined;
  /** The setting below `meta.tsdbt` that is wrong, for its position; `column`: the column that has it. */
  setting?: { readonly keys: readonly (string | number)[]; readonly column?: string | undefined } | undefined;
  /** Advice for the user: "did you mean 'orders'?". */
  hint?: string | undefined;
  /** Innermost first. */
  stack?: readonly ErrorFrame[] | undefined;
  /** Code of its row in the table of errors; by default the code of its kind. */
  errorCode?: string | undefined;
  /** Code of another system: dbt's code of an event, SQLSTATE of a database error, errno of a file error. */
  code?: string | undefined;
  /** The statement that a database refused, without its query comment. */
  sql?: string | undefined;
  /** Position of the error in `sql`, as the database reported it: 1-based, in code points. */
  position?: number | undefined;
  /** Lines of the message that show `position`. They are omitted if the source line is shown as well. */
  excerpt?: string | undefined;
  /** File in target/ with the executed statement. */
  compiledPath?: string | undefined;
  cause?: unknown;
}

/** The only error that tsdbt throws on purpose. Any other error at the top is a defect and is printed as internal. */
export class TsdbtError extends Error {
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'TsdbtError';
    this.kind = kind;
    this.details = details;
  }

  get exitCode(): number {
    return ERROR_KINDS[this.kind].exitCode;
  }

  /** Stable code for programs: that of its row in the table of errors, or that of its kind. */
  get errorCode(): string {
    return this.details.errorCode ?? ERROR_KINDS[this.kind].code;
  }

  /** Copies the error and adds details of its position. Known details take precedence. */
  with(more: ErrorDetails): TsdbtError {
    const known = Object.fromEntries(Object.entries(this.details).filter(([, v]) => v !== undefined));
    const error = new TsdbtError(this.kind, this.message, { ...more, ...known });
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }
}

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'it is not permitted',
  ELOOP: 'it is a link to itself',
  ENAMETOOLONG: 'its name is too long',
  EEXIST: 'it exists already',
  ENOSPC: 'no space is left on the disk',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
  ENOTEMPTY: 'the folder is not empty',
  EINVAL: 'its name or kind does not allow that',
  ENXIO: 'nobody is at its other end',
  EBUSY: 'it is in use',
  EIO: 'the disk cannot be read or written',
  ENODEV: 'no such device',
  EAGAIN: 'nothing is there to be read',
  EXDEV: 'it is on another disk',
  EFBIG: 'it is too large',
  EDQUOT: 'the quota of the disk is used up',
  ERR_INVALID_ARG_VALUE: 'its name holds a character that no file may have',
  ERR_FS_FILE_TOO_LARGE: 'it is too large',
};

/**
 * Describes why the system refused a file operation.
 * @param error of node:fs
 * @param named the path that the surrounding message contains; it and its temporary file are not repeated
 */
export function systemReason(error: unknown, named?: string): string {
  const { code, path, message } = error as {
    readonly code?: string;
    readonly path?: string;
    readonly message?: string;
  };
  const words = SYSTEM_WORDS[code ?? ''] ?? String(message ?? error).replace(/^E[A-Z]+: /, '');
  return path === undefined || (named !== undefined && path.startsWith(named)) ? words : `${path}: ${words}`;
}

/** A longer macro stack, for example of an endless recursion, shows this many frames at each end. */
const FIRST_FRAMES = 12;
const LAST_FRAMES = 4;
const STATEMENT_LINES = 12;
const STATEMENT_WIDTH = 200;
const LINE_WIDTH = 400;
const MESSAGE = 20_000;

/**
 * Formats the message for users in dbt's form: heading, message indented by two, position by four, caret, macro stack,
 * hint.
 * @returns lines joined by `\n`, without a trailing newline and without colors
 */
export function formatError(error: unknown): string {
  if (!(error instanceof TsdbtError)) {
    const text = error instanceof Error ? error.message : String(error);
    // An error of a system call (full disk, folder without write permission) is not a defect.
    const refused = error instanceof Error && 'syscall' in error;
    if (error instanceof Error && /without null bytes/.test(text))
      return 'Runtime Error\n  a path of the project holds a NUL character';
    if (refused) return `Runtime Error\n  ${indent(systemReason(error), 2)}`;
    if (error instanceof RangeError && /call stack/i.test(text))
      return 'Runtime Error\n  something in the project is nested too deeply';
    return `Internal Error\n  ${indent(text, 2)}`;
  }
  const { node, path, line, column, lineText, hint, stack } = error.details;
  const place = node
    ? ` in ${node.resource_type} ` +
      `${node.name.length > LINE_WIDTH ? `${node.name.slice(0, LINE_WIDTH)}…` : node.name} ` +
      `(${node.original_file_path})`
    : path !== undefined && line === undefined
      ? ` in ${path}`
      : '';
  const words = wording(error);
  // In dbt, connections are always to databases.
  const isOther = error.kind === 'connection' && path?.endsWith('connections.yml') === true;
  const out = [
    `${isOther ? 'Connection Error' : ERROR_KINDS[error.kind].heading}${place}`,
    `  ${indent(words.length > MESSAGE ? `${words.slice(0, MESSAGE)}… (${words.length} characters)` : words, 2)}`,
  ];
  if (line !== undefined)
    out.push(
      (
        `    ${path === undefined ? '' : `${path} `}line ` +
        `${line}${column === undefined ? '' : `, column ${column}`}`
      ).trimEnd(),
    );
  if (lineText !== undefined) {
    // A long line is shortened to the part around the column.
    const from = lineText.length <= LINE_WIDTH ? 0 : Math.max(0, (column ?? 1) - LINE_WIDTH / 2);
    const shown = lineText.slice(from, from + LINE_WIDTH);
    const before = from > 0 ? '…' : '';
    out.push(`      ${before}${shown}${from + LINE_WIDTH < lineText.length ? '…' : ''}`);
    if (column !== undefined)
      out.push(`      ${before && ' '}${shown.slice(0, column - 1 - from).replace(/[^\t]/g, ' ')}^`);
  }
  if (error.kind === 'database' && error.details.sql !== undefined && error.details.position === undefined)
    out.push(...statementLines(error.details.sql));
  if (error.details.compiledPath !== undefined) out.push(`  compiled code at ${error.details.compiledPath}`);
  if (stack && stack.length > 0) out.push('  ', ...stackLines(stack));
  if (hint !== undefined) out.push(`  ${indent(hint, 2)}`);
  if (error.details.footer !== undefined) out.push('', error.details.footer);
  return out.join('\n');
}

/** One line per frame, without the middle of a long stack. A recursive macro has one line for all its calls. */
function stackLines(stack: readonly ErrorFrame[]): string[] {
  const lines: string[] = [];
  let again = 0;
  const endRun = (): void => {
    if (again > 0) lines.push(`  > … called by itself ${again} time${again > 1 ? 's' : ''} …`);
    again = 0;
  };
  let last = '';
  for (const [i, { type, name, path, line }] of stack.entries()) {
    const frame = `${type} ${name} (${path})${line === undefined ? '' : ` line ${line}`}`;
    if (frame === last) {
      again++;
      continue;
    }
    endRun();
    lines.push(`  > ${i === 0 ? 'in' : 'called by'} ${frame}`);
    last = frame;
  }
  endRun();
  const hidden = lines.length - FIRST_FRAMES - LAST_FRAMES;
  if (hidden > 1) lines.splice(FIRST_FRAMES, hidden, `  > … ${hidden} calls more …`);
  return lines;
}

/** The first lines of a failed statement, for errors without a position. */
function statementLines(sql: string): string[] {
  const lines = sql
    .trim()
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  const shown = lines
    .slice(0, STATEMENT_LINES)
    .map((line) => `      ${line.length > STATEMENT_WIDTH ? `${line.slice(0, STATEMENT_WIDTH)}…` : line}`);
  return [
    '    in the statement',
    ...shown,
    ...(lines.length > STATEMENT_LINES ? [`      … ${lines.length - STATEMENT_LINES} lines more`] : []),
  ];
}

/** Adds dbt's advice to jinja2's message about an undefined name; dbt gives none inside a macro. */
function wording(error: TsdbtError): string {
  if (!('type' in error) || error.type !== 'UndefinedError' || (error.details.stack?.length ?? 0) > 0)
    return error.message;
  return (
    `${error.message}. This can happen when calling a macro that does not exist. Check for typos and/or install ` +
    'package dependencies with "dbt deps".'
  );
}

function indent(text: string, by: number): string {
  return text.split('\n').join(`\n${' '.repeat(by)}`);
}

/** Formats an error as one line: what happened, and what to do. */
export function inOneLine(error: unknown): string {
  if (!(error instanceof TsdbtError)) return error instanceof Error ? error.message : String(error);
  const { hint } = error.details;
  return hint === undefined ? error.message : `${error.message}${/[.!?]$/.test(error.message) ? '' : '.'} ${hint}`;
}
