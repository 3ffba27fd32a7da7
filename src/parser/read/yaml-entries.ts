// Reads the entries of a properties file: known keys, values rendered where dbt renders them, and the values as
// written. The parser of each key interprets its entries.
import type { Json } from '../../contracts/node.ts';
import type { Project, SourceFile } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { type ErrorDetails, TsdbtError } from '../../errors.ts';
import { eventOf } from '../../events/index.ts';
import { loadYaml, locator } from '../../project/yaml.ts';
import { checkShape, isDict, type MisspeltKey, problemText, type Shape } from '../../project/schema-check.ts';
import type { ParseTools } from '../config/node-update.ts';
import { pyRepr, pyStr, pyTypeText } from '../../values/python-text.ts';
import { closestName } from '../../values/close-matches.ts';

export type YamlDict = { [key: string]: Json };

export interface YamlFile {
  readonly file: SourceFile;
  readonly project: Project;
  readonly data: YamlDict;
  /** Reports a key of the root project that looks misspelt; undefined in a package. */
  readonly notice: ((at: readonly (string | number)[], key: string, meant: string) => void) | undefined;
}

export interface YamlEntry {
  readonly key: string;
  readonly index: number;
  readonly yaml: YamlFile;
  /** The rendered entry; its parser may change it. */
  readonly data: YamlDict;
  /** The entry as written. */
  readonly written: YamlDict;
}

/** Further keys of a properties file. */
const OTHER_KEYS = ['version', 'groups', 'unit_tests', 'data_tests', 'tests', 'anchors'];

/** Keys whose lists of named entries are checked when the file is read. */
const LISTED_KEYS = [
  'models',
  'seeds',
  'snapshots',
  'sources',
  'macros',
  'analyses',
  'exposures',
  'metrics',
  'semantic_models',
  'saved_queries',
  'functions',
];

/**
 * Reads one properties file.
 * @returns null for an empty file
 * @throws TsdbtError `parsing` for invalid YAML, or a value that must be a list and is not
 */
export function readYamlFile(tools: ParseTools, file: SourceFile): YamlFile | null {
  const { state } = tools;
  const path = file.original_file_path;
  let data: Json;
  try {
    data = loadYaml(file.contents, path, {
      onDuplicateKey: (description) =>
        state.warnings.deprecated('DuplicateYAMLKeysDeprecation', `${description} in file \`${path}\``, {
          file: path,
          duplicate_description: description,
        }),
    });
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    throw errorOf(
      'propertiesNotRead',
      { package: file.package_name, path: file.relative_path, why: error.message.replaceAll('\n', '\n  ') },
      {
        ...error.details,
        ...(error.details.line === undefined ? {} : { line: inFile(file, error.details.line) }),
        cause: error,
      },
    );
  }
  if (data === null) return null;
  if (!isDict(data)) {
    throw errorOf(
      'propertiesNoDictionary',
      { package: file.package_name, path: file.relative_path, file: path },
      { path, line: 1 },
    );
  }
  for (const key of LISTED_KEYS) if (key in data) checkList(file, key, data[key]);
  const project = state.project(file.package_name);
  const notice = project === state.root ? noticeOf(tools, file) : undefined;
  if (notice !== undefined) {
    const known = new Set([...LISTED_KEYS, ...OTHER_KEYS]);
    for (const key of Object.keys(data)) {
      const meant = known.has(key) ? undefined : closestName(key, known);
      if (meant !== undefined) notice([], key, meant);
    }
  }
  return { file, project, data, notice };
}

/**
 * Reports an ignored key with dbt's message, with line and suggestion. dbt itself reports it only for other adapters.
 */
function noticeOf({ state }: ParseTools, file: SourceFile): NonNullable<YamlFile['notice']> {
  return (at, key, meant) => {
    const { line } = placeOf(file, [...at, key]) ?? {};
    const path = file.original_file_path;
    const parts = at.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
    const where = `${parts === '' ? 'at the top level of' : `at \`${parts}\` in`} file \`${path}\``;
    const place = `${where}${line === undefined ? '' : `, line ${line}`}`;
    const msg = `Custom key \`${key}\` found ${place}; did you mean '${meant}'?`;
    state.logger.fire(eventOf('Note', msg, { msg }));
  };
}

function checkList(file: SourceFile, key: string, value: Json | undefined): void {
  const problem = (what: string, at: readonly (string | number)[]): TsdbtError =>
    placed(file, at, errorOf('badSchemaFile', { path: file.original_file_path, what }));
  if (!Array.isArray(value)) throw problem(`the value of '${key}' is not a list`, [key]);
  value.forEach((element, i) => {
    if (!isDict(element)) throw problem(`a list element for '${key}' is not a dictionary`, [key, i]);
    if (!('name' in element)) throw problem(`a list element for '${key}' does not have a name attribute.`, [key, i]);
  });
}

/** Returns an error of kind `parsing` with the line and column of a value in a properties file. */
export function placed(file: SourceFile, at: readonly (string | number)[], told: TsdbtError): TsdbtError {
  return new TsdbtError('parsing', told.message, {
    path: file.original_file_path,
    ...placeOf(file, at),
    // An error code belongs to one kind of error; for another kind it is dropped.
    errorCode: told.kind === 'parsing' ? told.details.errorCode : undefined,
  });
}

/** Files that were searched for keys, each parsed once. */
const LOCATORS = new WeakMap<SourceFile, ReturnType<typeof locator>>();

function placeOf(
  file: SourceFile,
  at: readonly (string | number)[],
): Required<Pick<ErrorDetails, 'line' | 'column' | 'lineText'>> | undefined {
  let find = LOCATORS.get(file);
  if (find === undefined) LOCATORS.set(file, (find = locator(file.contents)));
  for (let depth = at.length; depth > 0; depth -= 1) {
    const place = find(at.slice(0, depth));
    if (place !== undefined) {
      return {
        line: inFile(file, place.line),
        column: place.column,
        lineText: file.contents.split('\n')[place.line - 1]?.trimEnd(),
      };
    }
  }
  return undefined;
}

function inFile(file: SourceFile, line: number): number {
  return line + (file.first_line ?? 1) - 1;
}

/** Yields the rendered entries of one key. */
export function* yamlEntries(tools: ParseTools, yaml: YamlFile, key: string): Generator<YamlEntry> {
  const list = yaml.data[key] ?? [];
  if (!Array.isArray(list))
    throw placed(
      yaml.file,
      [key],
      errorOf('entriesNoList', { key, type: pyTypeText(list), value: trimmed(pyStr(list)) }),
    );
  for (const [index, written] of list.entries()) {
    if (!isDict(written)) {
      throw placed(
        yaml.file,
        [key, index],
        errorOf('badEntry', {
          key,
          path: yaml.file.original_file_path,
          entry: pyRepr(list),
          problem: 'expected a dict with string keys',
        }),
      );
    }
    if (!('name' in written) && !('model' in written))
      throw placed(yaml.file, [key, index], errorOf('entryWithoutName', {}));
    yield { key, index, yaml, written, data: renderEntry(tools, yaml, key, written, index) };
  }
}

/**
 * Checks an entry against its shape and returns it typed. Ignored keys that look misspelt are reported.
 * @throws TsdbtError `parsing`, with dbt's message, if the entry does not have the shape
 */
export function checkEntry<T>(entry: YamlEntry, data: YamlDict, shape: Shape<T>): T {
  const misspelt: MisspeltKey[] = [];
  const problem = checkShape(data, shape, misspelt);
  if (problem === undefined) {
    for (const { path, key, meant } of misspelt) entry.yaml.notice?.([entry.key, entry.index, ...path], key, meant);
    return data as T;
  }
  const error = entryError(entry, data, problemText(problem), problem.path);
  throw problem.hint === undefined ? error : error.with({ hint: problem.hint });
}

/** An error about one entry, with dbt's message and its position. */
export function entryError(
  entry: YamlEntry,
  data: YamlDict,
  reason: string,
  at: readonly (string | number)[] = [],
): TsdbtError {
  const path = entry.yaml.file.original_file_path;
  return placed(
    entry.yaml.file,
    [entry.key, entry.index, ...at],
    errorOf('badEntry', { key: entry.key, path, entry: pyRepr(data), problem: reason }),
  );
}

/** Shortens a value for a message, as dbt does. */
export function trimmed(text: string): string {
  return text.length < 50 ? text : `${text.slice(0, 44)}...${text.slice(-3)}`;
}

function renderEntry(tools: ParseTools, yaml: YamlFile, key: string, entry: YamlDict, index: number): YamlDict {
  const path: (string | number)[] = [];
  const packageName = yaml.project.project_name;
  const visit = (value: Json): Json => {
    if (typeof value === 'string') {
      if (!needsRendering(value) || !rendersAt(key, path)) return value;
      try {
        return tools.rendering.yaml(value, packageName);
      } catch (error) {
        if (!(error instanceof TsdbtError)) throw error;
        const message =
          error.kind === 'parsing'
            ? `Failed to render ${yaml.file.original_file_path} from project ${packageName}: Parsing Error\n  ` +
              `${error.message}`
            : `Could not render ${value}: ${error.message}`;
        throw new TsdbtError(error.kind, message, {
          path: yaml.file.original_file_path,
          ...placeOf(yaml.file, [key, index, ...path]),
          errorCode: error.details.errorCode,
          cause: error,
        });
      }
    }
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      let copy: Json[] | null = null;
      for (const [i, item] of value.entries()) {
        path.push(i);
        const rendered = visit(item);
        path.pop();
        if (rendered !== item) (copy ??= value.slice())[i] = rendered;
      }
      return copy ?? value;
    }
    return isDict(value) ? visitDict(value) : value;
  };
  const visitDict = (value: YamlDict): YamlDict => {
    let copy: YamlDict | null = null;
    for (const [name, item] of Object.entries(value)) {
      path.push(name);
      const rendered = visit(item);
      path.pop();
      if (rendered !== item) (copy ??= { ...value })[name] = rendered;
    }
    return copy ?? value;
  };
  const rendered = visitDict(entry);
  return rendered === entry ? { ...entry } : rendered;
}

/** Whether rendering could change a text: it contains Jinja, or a trailing newline that jinja drops. */
export function needsRendering(text: string): boolean {
  return text.includes('{') || text.includes('#}') || text.endsWith('\n') || text.includes('\r');
}

const LATE = new Set<unknown>(['tests', 'data_tests', 'description']);
const LATE_OR_QUERY = new Set<unknown>([...LATE, 'loaded_at_query']);
const CHILD_LISTS = new Set<unknown>(['columns', 'dimensions', 'measures', 'entities', 'metrics']);

/** Whether dbt renders the value at `path` when it reads the file; other values are rendered later or never. */
function rendersAt(key: string, path: readonly (string | number)[]): boolean {
  const [first, second] = path;
  const last = path[path.length - 1];
  if (key === 'sources') {
    if (first === 'description' || first === 'loaded_at_query') return false;
    if (first === 'config' && second === 'loaded_at_query') return false;
    return !(first === 'tables' && isLate(path.slice(2)));
  }
  if (key === 'macros') return !isLate(first === 'arguments' ? path.slice(1) : path);
  if (key === 'metrics' && (last === 'filter' || path[path.length - 2] === 'filter')) return false;
  if (key === 'saved_queries' && first === 'query_params' && second === 'where') return false;
  if (
    first === 'metrics' &&
    key !== 'metrics' &&
    key !== 'saved_queries' &&
    (last === 'filter' || path[path.length - 2] === 'filter')
  )
    return false;
  return !isLate(path);
}

function isLate(path: readonly (string | number)[]): boolean {
  const [first, second, third, fourth, fifth] = path;
  if (LATE_OR_QUERY.has(first)) return true;
  if (path.length === 2 && LATE_OR_QUERY.has(second)) return true;
  if (first === 'config' && (second === 'pre_hook' || second === 'post_hook' || second === 'loaded_at_query'))
    return true;
  if (path.length === 5 && fifth === 'description') return true;
  if (first === 'versions' && (LATE.has(third) || (third === 'columns' && LATE.has(fifth)))) return true;
  if (CHILD_LISTS.has(first) && LATE.has(third)) return true;
  return first === 'derived_semantics' && (second === 'dimensions' || second === 'entities') && LATE.has(fourth);
}
