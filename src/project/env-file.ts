// Reads the `.env` file as dbt 1.12 does, from the working directory or the nearest folder above it. Shell variables
// take precedence.
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errorOf } from '../error-table.ts';
import { readFileText } from './read-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Maximum characters that `${NAME}` may insert into all values: a line that names itself twice doubles its length. */
const MOST_INTERPOLATED = 10_000_000;

/**
 * Adds the variables of `.env` to the environment; existing variables are kept.
 * @param directory start of the search
 */
export function loadEnvFile(directory: string, env: Environment): Environment {
  const path = findEnvFile(resolve(directory));
  if (path === undefined) return env;
  return { ...parseEnvFile(readFileText(path), env, path), ...env };
}

function findEnvFile(directory: string): string | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    const path = join(folder, '.env');
    if (existsSync(path) && !statSync(path).isDirectory()) return path;
    if (dirname(folder) === folder) return undefined;
  }
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
  /** Skips what the pattern matches at the position. */
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
      // A comment, or a line that is not an assignment
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
