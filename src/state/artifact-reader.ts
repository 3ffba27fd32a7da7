// Reads artifacts of earlier runs, written by dbt or tsdbt, with clear errors for invalid files and unsupported
// versions. manifest-upgrade.ts converts older manifests.
import { parse as parseLossless } from 'lossless-json';
import { TsdbtError } from '../errors.ts';
import { isMissing, MOST_DATA, readFileText } from '../project/read-file.ts';
import {
  checkShape,
  dict,
  isDict,
  leaf,
  listOf,
  of,
  open,
  optionalText,
  problemText,
  type Shape,
  text,
  textList,
} from '../project/schema-check.ts';
import { parseJson } from '../values/index.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** A text of JSON that may hold an int beyond 2^53: of a variable, or in the config of a node. */
const LONG_INT = /[[:,]\s*-?\d{16,}\s*[,}\]]/;

function exactNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) && /^-?\d+$/.test(text) ? BigInt(text) : number;
}

const ARTIFACTS = {
  manifest: { type: 'WritableManifest', versions: [4, 5, 6, 7, 8, 9, 10, 11, 12] },
  'run-results': { type: 'RunResultsArtifact', versions: [4, 5, 6] },
  sources: { type: 'FreshnessExecutionResultArtifact', versions: [3] },
} as const;

/** Describes an error in JSON with Python's message. */
function problemOf(text: string): string {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof TsdbtError) return error.message;
  }
  return 'it is nested too deeply';
}

/** Keys that an artifact must contain in addition to its metadata. */
const PARTS = {
  manifest: { nodes: 'object', sources: 'object', macros: 'object' },
  'run-results': { results: 'list' },
  sources: { results: 'list' },
} as const;

const listOfObjects = listOf(leaf(dict));
/** What comparisons read of a node. Artifacts of older versions may lack it. */
const NODE: Shape = {
  ...open([], {
    unique_id: text,
    name: text,
    config: dict,
    columns: {
      nested: (columns) => {
        if (!isDict(columns)) return leaf(dict)(columns);
        for (const [name, column] of Object.entries(columns)) {
          const problem = checkShape(column, COLUMN);
          if (problem !== undefined) return { ...problem, path: [name, ...problem.path] };
        }
        return undefined;
      },
    },
    constraints: listOfObjects,
    relation_name: optionalText,
    depends_on: of({ ...open([], { macros: textList, nodes: textList }), unknown: 'free' }),
  }),
  unknown: 'free',
};
const COLUMN: Shape = { ...open([], { name: text, constraints: listOfObjects }), unknown: 'free' };

function checkNodes(value: { [part: string]: unknown }, path: string): void {
  for (const part of ['nodes', 'sources'])
    for (const [id, entry] of Object.entries(isDict(value[part]) ? value[part] : {})) {
      const problem = checkShape(entry, NODE);
      if (problem === undefined) continue;
      const whole = { ...problem, path: [part, id, ...problem.path] };
      throw new TsdbtError('runtime', `${path} is no whole ${ARTIFACTS.manifest.type}: ${problemText(whole)}`, {
        path,
      });
    }
}

function checkParts(value: { [part: string]: unknown }, kind: keyof typeof ARTIFACTS, path: string): void {
  for (const [name, form] of Object.entries(PARTS[kind])) {
    // A manifest of an older version may lack a table: it has no such resources.
    if (kind === 'manifest') value[name] ??= {};
    const part = value[name];
    const good = form === 'list' ? Array.isArray(part) : isDictionary(part);
    const wrong = good ? Object.entries(part as object).find(([, entry]) => !isDictionary(entry)) : undefined;
    if (good && wrong === undefined) continue;
    const found = wrong === undefined ? part : `${JSON.stringify(wrong[1])} for ${wrong[0]}`;
    const shown = found === undefined ? 'nothing' : typeof found === 'string' ? found : JSON.stringify(found);
    throw new TsdbtError(
      'runtime',
      `${path} is no whole ${ARTIFACTS[kind].type}: '${name}' has to be ` +
        `${form === 'list' ? 'a list' : 'an object'} of objects, found ${shown.slice(0, 100)}`,
      { path },
    );
  }
}

/** An artifact and its schema version. */
export interface Artifact<T> {
  readonly value: T;
  readonly version: number;
}

/**
 * Reads an artifact; undefined if the file does not exist.
 * @throws TsdbtError `runtime` for invalid JSON or an unknown version
 */
export function readArtifact<T>(path: string, kind: keyof typeof ARTIFACTS): Artifact<T> | undefined {
  const { type, versions } = ARTIFACTS[kind];
  let text: string;
  try {
    text = readFileText(path, MOST_DATA);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new TsdbtError('runtime', `Could not read ${type} at "${path}": ${(error as Error).message}`, {
      path,
      cause: error,
    });
  }
  let value: { metadata?: { dbt_schema_version?: unknown } } | null;
  try {
    value = (LONG_INT.test(text) ? parseLossless(text, undefined, exactNumber) : JSON.parse(text)) as typeof value;
  } catch (error) {
    throw new TsdbtError('runtime', `Could not read ${type} at "${path}" as JSON: ${problemOf(text)}`, {
      path,
      cause: error,
    });
  }
  const found = value?.metadata?.dbt_schema_version;
  const version = Number(
    typeof found === 'string'
      ? /\/dbt\/([a-z-]+)\/v(\d+)\.json$/.exec(found)?.slice(1).join(':').replace(`${kind}:`, '')
      : Number.NaN,
  );
  if (!(versions as readonly number[]).includes(version)) {
    const expected = `https://schemas.getdbt.com/dbt/${kind}/v${versions.at(-1)}.json`;
    const shown = found === undefined ? 'nothing' : `"${typeof found === 'string' ? found : JSON.stringify(found)}"`;
    throw new TsdbtError(
      'runtime',
      `Expected a schema version of "${expected}" in ${path}, but found ${shown}. Are you running with a different ` +
        'version of dbt?',
    );
  }
  checkParts(value as { [part: string]: unknown }, kind, path);
  if (kind === 'manifest') checkNodes(value as { [part: string]: unknown }, path);
  return { value: value as T, version };
}
