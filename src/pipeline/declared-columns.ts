// Columns that YAML and settings of a node name, and errors about those that the node does not output, with the place
// where they are written.
import type { ModelNode, SnapshotNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { columnPlace, type SettingOwner, settingsFile } from '../project/setting-place.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { didYouMean } from '../values/close-matches.ts';

type Queried = ModelNode | SnapshotNode;

/** Settings whose values are names of columns, or expressions. */
const OF_SNAPSHOTS = ['unique_key', 'updated_at', 'check_cols'];
const OF_TABLES = ['order_by', 'partition_by', 'primary_key', 'event_time'];
/** A name, and not a keyword or a number. */
export const COLUMN_NAME = /^[A-Za-z_]\w*$/;

interface SettingColumn {
  readonly setting: string;
  readonly column: string;
}

/** The columns that settings of the node name. Expressions are left out. */
function configColumns({ config, resource_type: type }: Queried): SettingColumn[] {
  const materialized = String(config.materialized);
  // A view ignores what describes a table, and a table ignores the key of an incremental model.
  const settings =
    type === 'snapshot'
      ? OF_SNAPSHOTS
      : /incremental/.test(materialized)
        ? ['unique_key', ...OF_TABLES]
        : /table/.test(materialized)
          ? OF_TABLES
          : ['event_time'];
  return settings.flatMap((setting) => {
    const value: unknown = config[setting];
    if (setting === 'check_cols' && value === 'all') return [];
    return [value ?? []]
      .flat()
      .filter((each): each is string => typeof each === 'string')
      .flatMap((each) => (setting === 'check_cols' ? [each] : topLevelParts(each)))
      .map((each) => each.trim())
      .filter((each) => COLUMN_NAME.test(each))
      .map((column) => ({ setting, column }));
  });
}

/** The expressions of a list with commas, with or without parentheses around it; none if they do not match. */
export function topLevelParts(list: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of list.replace(/^\s*\((.*)\)\s*$/s, '$1')) {
    if (character === ',' && depth === 0) parts.push('');
    else parts.push(`${parts.pop() ?? ''}${character}`);
    depth += character === '(' ? 1 : character === ')' ? -1 : 0;
    if (depth < 0) return [];
  }
  return parts;
}

/** A column in the YAML of a node that the node does not output. */
function columnFinding(parsed: ParsedProject, node: Queried, column: string, hint?: string): TsdbtError {
  return finding(parsed, node, `column "${column}" is declared, but the ${node.resource_type} does not output it`, {
    hint,
    keys: ['name'],
    column,
  });
}

/** A mistake in a setting of a node. @param column what the caret points to */
export function settingFinding(
  parsed: ParsedProject,
  node: Queried,
  setting: string,
  column: string,
  message: string,
  hint?: string,
): TsdbtError {
  const own = parsed.files.read(node.original_file_path, node.package_name)?.split('\n') ?? [];
  const line = own.findIndex((text) => new RegExp(`\\b${setting}\\b`).test(text));
  if (line < 0) return finding(parsed, node, message, { hint, keys: ['config', setting] });
  const lineText = (own[line] ?? '').trimEnd();
  const at = lineText.indexOf(column, lineText.indexOf(setting) + setting.length);
  return new TsdbtError('compilation', message, {
    ...{ path: node.original_file_path, line: line + 1, lineText, hint },
    ...(at < 0 ? {} : { column: [...lineText.slice(0, at)].length + 1 }),
  });
}

/** Mistakes in what YAML and settings say about the columns of a node. @param columns those that it outputs */
export function declaredMistakes(
  parsed: ParsedProject,
  node: Queried,
  columns: readonly string[],
  foldsNames: boolean,
): TsdbtError[] {
  const isOutput = outputTest(columns, foldsNames);
  const declared = Object.values(node.columns)
    .filter(({ name }) => !isOutput(name.replace(/^(["`])(.*)\1$/, '$2')))
    .map(({ name }) => columnFinding(parsed, node, name, didYouMean(name, columns)));
  return node.resource_type === 'model'
    ? [...declared, ...settingMistakes(parsed, node, columns, foldsNames)]
    : declared;
}

/** Settings of a node that name columns which it does not output. */
export function settingMistakes(
  parsed: ParsedProject,
  node: Queried,
  columns: readonly string[],
  foldsNames: boolean,
): TsdbtError[] {
  const isOutput = outputTest(columns, foldsNames);
  return configColumns(node)
    .filter(({ column }) => !isOutput(column))
    .map(({ setting, column }) => {
      const message = `${setting} is "${column}", but the ${node.resource_type} does not output this column`;
      return settingFinding(parsed, node, setting, column, message, didYouMean(column, columns));
    });
}

/** Whether a name is one of the columns. Names without quotes are compared as the engine does. */
function outputTest(columns: readonly string[], foldsNames: boolean): (name: string) => boolean {
  const folded = (name: string): string => (foldsNames ? name.toLowerCase() : name);
  const known = new Set(columns.map(folded));
  return (name) => known.has(folded(name));
}

function finding(
  parsed: ParsedProject,
  node: Queried,
  message: string,
  { hint, keys, column }: { hint: string | undefined; keys: readonly string[]; column?: string },
): TsdbtError {
  return new TsdbtError('compilation', message, {
    path: settingsFile(node),
    hint,
    ...placeInProperties(parsed, node, keys, column),
  });
}

/** Where the properties of a node, or of one of its columns, have a key; undefined if they do not. */
export function placeInProperties(
  { files }: ParsedProject,
  node: SettingOwner & { readonly package_name: string },
  keys: readonly string[],
  column?: string,
): ReturnType<typeof columnPlace> {
  const path = settingsFile(node);
  const text = files.read(path, node.patch_path?.split('://')[0] ?? node.package_name);
  return text === null ? undefined : columnPlace(text, path, node, keys, column);
}
