// Reads the `.env` file as dbt 1.12 does, from the working directory or the nearest parent folder, up to the root of
// the repository. Shell variables take precedence. Templates see all values; the program itself uses only a few options
// from it.
import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errorOf } from '../error-table.ts';
import { liesWithin } from './outside-paths.ts';
import { readFileText } from './read-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Maximum number of characters that `${NAME}` may insert into all values: a line that references itself twice doubles
 * its length.
 */
const MOST_INTERPOLATED = 10_000_000;

/** The variables of a command, by who can read them. */
export interface CommandEnvironment {
  /** For `env_var()`: the shell's variables and those of `.env`. */
  readonly templates: Environment;
  /**
   * For the program itself: the shell's variables and a few options from `.env`. A cloned repository can contain a
   * `.env`, so other variables never reach child processes, URLs, proxies or TLS settings.
   */
  readonly settings: Environment;
  /** The options from `.env` in `settings`. */
  readonly fromFile: ReadonlySet<string>;
  /** Why a `.env`, or a variable in it, was ignored. */
  readonly warning: string | null;
}

export interface EnvironmentPlace {
  /** Start folder of the search. */
  readonly cwd: string;
  /** The shell's variables. */
  readonly env: Environment;
  /** Where the search ends if there is no repository. */
  readonly projectDir: string;
  /** Whether the caller accepts a link to a file outside of the repository. */
  readonly allowOutside?: boolean;
}

/** Options that `.env` may set although dbt does not have them. */
const OWN_OPTIONS = ['TSDBT_ASK_AFTER', 'TSDBT_LEASE', 'NO_COLOR', 'DO_NOT_TRACK'];
/** Keys and tokens that only the shell may set: the author of a committed `.env` would know them. */
const KEYS = ['TSDBT_HASH_KEY', 'TSDBT_SERVE_TOKEN', 'TSDBT_SERVE_READ_TOKEN'];
/**
 * dbt's options that only the shell may set: they name servers, open a port to other machines, let `clean` delete
 * folders elsewhere, or select another project.
 */
const SHELL_ONLY = /^DBT_(?:ENGINE_)?(?:PACKAGE_HUB_URL|HOST|CLEAN_PROJECT_FILES_ONLY|PROJECT_DIR)$/;

/** Adds the variables of `.env` to the environment. Existing variables are kept. */
export function readEnvironment({ cwd, env, projectDir, allowOutside }: EnvironmentPlace): CommandEnvironment {
  const top = topOfSearch(resolve(cwd), resolve(projectDir));
  const path = findEnvFile(resolve(cwd), top);
  if (path === undefined) return { templates: env, settings: env, fromFile: new Set(), warning: null };
  const problem = envFileProblem(path, allowOutside === true ? null : top, env);
  if (problem !== null)
    return { templates: env, settings: env, fromFile: new Set(), warning: `Ignoring ${path}: ${problem}` };
  const values = parseEnvFile(readFileText(path), env, path);
  const options = Object.entries(values).filter(
    ([name]) => isOption(name) && env[name] === undefined && env[otherSpelling(name)] === undefined,
  );
  return {
    templates: { ...values, ...env },
    settings: { ...Object.fromEntries(options), ...env },
    fromFile: new Set(options.map(([name]) => name)),
    warning: ignoredKeys(path, values, env),
  };
}

function ignoredKeys(path: string, values: Environment, env: Environment): string | null {
  const names = KEYS.filter((name) => values[name] !== undefined && env[name] === undefined);
  return names.length === 0
    ? null
    : `${path} sets ${names.join(' and ')}, which ${names.length === 1 ? 'has' : 'have'} no effect there: whoever ` +
        'writes the file would know the value. Set it in the shell.';
}

function isOption(name: string): boolean {
  return OWN_OPTIONS.includes(name) || (name.startsWith('DBT_') && !SHELL_ONLY.test(name));
}

function otherSpelling(name: string): string {
  return name.startsWith('DBT_ENGINE_') ? name.replace('DBT_ENGINE_', 'DBT_') : name.replace(/^DBT_/, 'DBT_ENGINE_');
}

/** The last folder of the search: the repository's root, otherwise the project, otherwise the working directory. */
function topOfSearch(cwd: string, projectDir: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder;
    if (dirname(folder) === folder) return liesWithin(cwd, projectDir) ? projectDir : cwd;
  }
}

function findEnvFile(directory: string, top: string): string | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    const path = join(folder, '.env');
    if (existsSync(path) && !statSync(path).isDirectory()) return path;
    if (folder === top || dirname(folder) === folder) return undefined;
  }
}

/** Returns why a `.env` is not trusted. @param top folder that must contain it; null: any */
function envFileProblem(path: string, top: string | null, env: Environment): string | null {
  if (top !== null && !liesWithin(realpathSync(path), realpathSync(top)))
    return `it links to ${realpathSync(path)}, outside of ${top}. Use --allow-outside-paths to read it.`;
  const uid = process.getuid?.();
  if (uid === undefined) return null;
  // Any user may use root's files. With sudo, root also uses those of the calling user.
  const trusted = [uid, 0, ...(uid === 0 ? [Number(env['SUDO_UID'] ?? 0)] : [])];
  const stranger = [lstatSync(path), statSync(path)].find((file) => !trusted.includes(file.uid));
  return stranger === undefined
    ? null
    : `it belongs to user ${stranger.uid}, and this process runs as user ${uid}. Change its owner to use it.`;
}

const BINDING = new RegExp(
  String.raw`[ \t]*(?:export[ \t]+)?(?:'([^']+)'|([^=#\s]+))(?:[ \t]*(=[ \t]*('(?:\\[\s\S]|[^'\\])*'` +
    String.raw`|"(?:\\[\s\S]|[^"\\])*"|(?![ \t]*['"])[^\r\n]*)))?[ \t]*(#[^\r\n]*)?(?=\r?\n|\r|$)`,
  'y',
);
const SPACE = /\s*/y;
const NAME_END = /[}:]/g;
const LINE = /[^\r\n]+/y;
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/**
 * Parses a `.env` text as python-dotenv does; `${NAME:-default}` prefers the shell's value.
 * @throws TsdbtError of kind runtime, with path and line, when values that name each other exceed the limit
 */
export function parseEnvFile(text: string, env: Environment = {}, path = '.env'): Record<string, string> {
  const source = text.replace(/^\ufeff/, '');
  const values = new Map<string, string>();
  let interpolated = 0;
  const known = (name: string): string | undefined => {
    const value = (Object.hasOwn(env, name) ? env[name] : undefined) ?? values.get(name);
    interpolated += value?.length ?? 0;
    if (interpolated > MOST_INTERPOLATED)
      throw errorOf(
        'envFileTooLong',
        { limit: MOST_INTERPOLATED, name },
        { path, line: source.slice(0, at).split(/\r\n|\r|\n/).length },
      );
    return value;
  };
  /** Skips a match at the current position. */
  const skip = (pattern: RegExp): void => {
    pattern.lastIndex = at;
    pattern.exec(source);
    at = Math.max(at, pattern.lastIndex);
  };
  let at = 0;
  while (true) {
    skip(SPACE);
    if (at >= source.length) return Object.fromEntries(values);
    BINDING.lastIndex = at;
    const match = BINDING.exec(source);
    if (match === null) {
      // A comment, or a line that is not an assignment.
      skip(LINE);
      continue;
    }
    const key = match[1] ?? match[2];
    if (key !== undefined && match[3] !== undefined)
      values.set(key, interpolate(rawValue(match[3], match[4] ?? ''), known));
    at = BINDING.lastIndex;
  }
}

function rawValue(assignment: string, value: string): string {
  if (value.startsWith("'") && value.endsWith("'") && value.length > 1)
    return value.slice(1, -1).replace(/\\([\\'])/g, '$1');
  if (value.startsWith('"') && value.endsWith('"') && value.length > 1) {
    return value.slice(1, -1).replace(/\\([\\'"abfnrtv])/g, (_, character: string) => ESCAPES[character] ?? character);
  }
  if (value.startsWith('#') && assignment.length > value.length + 1) return '';
  return value.replace(/(?<!\s)\s+#.*/, '').trimEnd();
}

/** Replaces each `${NAME}` and `${NAME:-default}` in one pass, linear also for unclosed braces. */
function interpolate(value: string, known: (name: string) => string | undefined): string {
  let text = '';
  let from = 0;
  let nameEnd = 0;
  for (let at = value.indexOf('${'); at >= 0; at = value.indexOf('${', Math.max(at + 2, from))) {
    if (nameEnd < at + 2) nameEnd = nextOf(NAME_END, value, at + 2);
    let end = nameEnd;
    if (value[nameEnd] === ':') {
      if (value[nameEnd + 1] !== '-') continue;
      end = value.indexOf('}', nameEnd + 2);
    }
    if (end < 0 || end === value.length) break;
    const fallback = end === nameEnd ? '' : value.slice(nameEnd + 2, end);
    text += value.slice(from, at) + (known(value.slice(at + 2, nameEnd)) ?? fallback);
    from = end + 1;
  }
  return text + value.slice(from);
}

function nextOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
