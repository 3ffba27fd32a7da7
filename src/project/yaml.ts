// Reads YAML text as PyYAML's safe loader does: the common block style fast by yaml-block.ts, other text by the full
// parser. Errors have dbt's form.
import { errorOf } from '../error-table.ts';
import type { Json } from '../contracts/node.ts';
import type { TsdbtError } from '../errors.ts';
import { PyDate } from '../values/date.ts';
import { readBlockYaml } from './yaml-block.ts';
import { type LocateYaml, readYamlDocument, YamlSyntaxError, yamlLocator } from './yaml-document.ts';
import { UnsupportedYaml } from './yaml-escapes.ts';

export interface LoadYamlOptions {
  /** Called with dbt's description of each repeated key, whose last value is used. */
  readonly onDuplicateKey?:
    | ((description: string, at: { readonly key: string; readonly line: number; readonly column: number }) => void)
    | undefined;
  /** Whether dates and timestamps become `PyDate` and `PyDateTime`, which only templates can hold. */
  readonly dates?: boolean | undefined;
}

/** A timestamp with a time, probably not quoted. */
const TIMESTAMP = /\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d/;

/**
 * Reads variables. Like `loadYaml`, but timestamps become the text that templates print (`2024-01-02 10:00:00`).
 * @param text YAML; `path` as in `loadYaml`, with the same errors
 */
export function loadYamlVars(text: string, path: string | null): Json {
  return TIMESTAMP.test(text) ? printedDates(loadYaml(text, path, { dates: true })) : loadYaml(text, path);
}

function printedDates(value: Json): Json {
  if (value instanceof PyDate) return value.jinjaText();
  if (Array.isArray(value)) return value.map(printedDates);
  if (typeof value !== 'object' || value === null || 'jinjaType' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, printedDates(item)]));
}

/**
 * Parses a YAML text. Dates become text (`isoformat`) by default, integral floats `PyFloat`, ints beyond 2^53 bigints.
 * @param path the file in errors; null for text that is not from a file
 * @throws TsdbtError `runtime`, without a path `validation`, with dbt's `Syntax error near line N`
 * @example
 * loadYaml('a: [1, yes]', null) // { a: [1, true] }
 */
export function loadYaml(text: string, path: string | null, options: LoadYamlOptions = {}): Json {
  let source = text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
  if (source.charCodeAt(0) === 0xfeff) source = source.slice(1);
  try {
    if (options.dates !== true) return readBlockYaml(source);
  } catch (error) {
    // RangeError: the fast reader ran out of stack on deep nesting, which the full parser reports.
    if (!(error instanceof UnsupportedYaml || error instanceof RangeError)) throw error;
  }
  try {
    const { value, duplicates } = readYamlDocument(source, options.dates);
    for (const at of duplicates) {
      const { key, line, column } = at;
      options.onDuplicateKey?.(`Duplicate key '${key}' in "<unicode string>", line ${line}, column ${column}`, at);
    }
    return value;
  } catch (error) {
    if (error instanceof YamlSyntaxError) throw syntaxError(source, error, path);
    if (error instanceof RangeError)
      throw path === null ? errorOf('deepYamlText', {}) : errorOf('deepYamlFile', {}, { path });
    throw error;
  }
}

/** Returns the position of a key in a YAML text; see `yamlLocator`. */
export function locate(text: string, path: readonly (string | number)[]): { line: number; column: number } | undefined {
  return locator(text)(path);
}

/** Returns the positions of many keys in a YAML text; see `yamlLocator`. */
export function locator(text: string): LocateYaml {
  return yamlLocator(text.replaceAll('\r\n', '\n'));
}

/** Reads a YAML text that must contain a dictionary; undefined if it contains something else. */
export function asDictionary(value: Json): { [key: string]: Json } | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('jinjaType' in value)
    ? value
    : undefined;
}

/** Masks values after `password:` and similar keys in a line of YAML. */
export function withoutSecrets(line: string): string {
  return line.replace(/((?:pass|password|passphrase|secret|token)["']?\s*:\s*)\S.*/i, '$1*****');
}

/** Shortens a line for display. */
function clipped(line: string): string {
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

function syntaxError(text: string, { problem }: YamlSyntaxError, path: string | null): TsdbtError {
  const { line, column, message, hint } = problem;
  const lines = text.split('\n');
  const from = Math.max(line - 4, 0);
  const shown = lines
    .slice(from, line + 3)
    .map((content, i) => `${String(from + i + 1).padEnd(3)}| ${clipped(withoutSecrets(content))}`);
  const rule = '------------------------------';
  const facts = { line, lines: [rule, ...shown].join('\n'), rule, problem: message, column };
  return path === null
    ? errorOf('badYamlText', facts, { hint })
    : errorOf('badYamlFile', facts, { path, line, column, hint });
}
