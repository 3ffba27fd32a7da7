// The `.env` file that dbt 1.12 reads from the working directory or the nearest folder above it. What the shell has set
// wins.
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readFileText } from './read-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment with the variables of `.env` added, none replaced.
 * @param directory where the search starts
 */
export function loadEnvFile(directory: string, env: Environment): Environment {
  const path = findEnvFile(resolve(directory));
  if (path === undefined) return env;
  return { ...parseEnvFile(readFileText(path), env), ...env };
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
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** The variables of a `.env` text, in python-dotenv's reading; `${NAME:-default}` looks in the shell first. */
export function parseEnvFile(text: string, env: Environment = {}): Record<string, string> {
  const source = text.replace(/^\ufeff/, '');
  const values: Record<string, string> = {};
  let at = 0;
  while (at < source.length) {
    at += /^\s*/.exec(source.slice(at))?.[0].length ?? 0;
    if (at >= source.length) break;
    BINDING.lastIndex = at;
    const match = BINDING.exec(source);
    if (match === null) {
      // A comment, or a line that is not an assignment.
      at += /^[^\r\n]*/.exec(source.slice(at))?.[0].length || 1;
      continue;
    }
    at = BINDING.lastIndex;
    const key = match[1] ?? match[2];
    if (key === undefined || match[3] === undefined) continue;
    values[key] = interpolate(rawValue(match[3], match[4] ?? ''), { ...values, ...env });
  }
  return values;
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

function interpolate(value: string, env: Environment): string {
  return value.replace(
    /\$\{([^}:]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback: string | undefined) => env[name] ?? fallback ?? '',
  );
}
