// Applies YAML to macros: description, arguments, meta, docs. Compares the arguments with the macro's signature if the
// project enables that check. macros.ts reads macros from files.
import type { Docs, MacroArgument, MacroNode } from '../../contracts/node.ts';
import { isDict } from '../../project/schema-check.ts';
import { metaOf } from '../read/columns.ts';
import { addMacroUnitTests } from '../read/macro-unit-tests.ts';
import { duplicatePatch } from './node-patches.ts';
import type { PatchTools } from '../table/patch-table.ts';
import { checkEntry, type YamlEntry } from '../read/yaml-entries.ts';
import { MACRO_ENTRY } from '../read/yaml-shapes.ts';

/** Applies one entry of `macros:`. */
export function applyMacroPatch(tools: PatchTools, entry: YamlEntry): void {
  const { state, table } = tools;
  const { file, project } = entry.yaml;
  const data = checkEntry(entry, entry.data, MACRO_ENTRY);
  const { name, config = {} } = data;
  const macro = table.macros.get(`macro.${project.project_name}.${name}`);
  if (macro === undefined) {
    state.warnings.warn('MacroNotFoundForPatch', `Found patch for macro "${name}" which was not found`, {
      patch_name: name,
    });
    return;
  }
  if (macro.patch_path) {
    throw duplicatePatch(
      name,
      file.original_file_path,
      macro.patch_path.slice(macro.patch_path.indexOf('://') + 3),
      'macros',
      project.project_name,
    );
  }
  const meta = { ...data.meta, ...metaOf(config) };
  const written = isDict(config['docs']) ? config['docs'] : data.docs;
  const docs: Docs = {
    show: written?.show !== false,
    // Values of `docs` in a config are not checked.
    node_color: (written?.node_color ?? null) as string | null,
  };
  const args = (data.arguments ?? []).map(
    (argument): MacroArgument => ({
      name: argument.name,
      type: argument.type ?? null,
      description: argument.description ?? '',
    }),
  );
  const validated = state.flag('validate_macro_args', true);
  if (validated) checkArguments(tools, macro, args);
  table.macros.set(macro.unique_id, {
    ...macro,
    patch_path: `${project.project_name}://${file.original_file_path}`,
    description: data.description ?? '',
    meta,
    docs,
    config: { meta, docs },
    arguments: validated && args.length === 0 ? macro.arguments : args,
  });
  addMacroUnitTests(tools, entry, { name, meta });
}

function checkArguments(tools: PatchTools, macro: MacroNode, args: readonly MacroArgument[]): void {
  if (args.length === 0) return;
  const warn = (message: string): void =>
    tools.state.warnings.warn('InvalidMacroAnnotation', message, {
      macro_unique_id: macro.unique_id,
      macro_file_path: macro.original_file_path,
    });
  args.forEach(({ name }, i) => {
    const own = macro.arguments[i];
    if (own !== undefined && own.name !== name)
      warn(`Argument ${name} in yaml for macro ${macro.name} does not match the jinja definition.`);
  });
  if (args.length !== macro.arguments.length)
    warn(`The number of arguments in the yaml for macro ${macro.name} does not match the jinja definition.`);
  for (const { name, type } of args) {
    if (type !== null && type.trim() !== '' && !isMacroType(type))
      warn(`Argument ${name} in the yaml for macro ${macro.name} has an invalid type.`);
  }
}

const TYPE_ARGUMENTS: Readonly<Record<string, number>> = {
  str: 0,
  string: 0,
  bool: 0,
  int: 0,
  integer: 0,
  float: 0,
  any: 0,
  list: 1,
  dict: 2,
  optional: 1,
  relation: 0,
  column: 0,
};

/** Whether a text is a type in dbt's notation: `str`, `list[int]`, `dict[str, any]`. */
export function isMacroType(text: string): boolean {
  const source = text.replace(/[ \t]/g, '');
  return readType(source, 0) === source.length;
}

/** @returns the end of the type that starts at `from`, or -1 */
function readType(source: string, from: number): number {
  const name = /^[a-z]+/.exec(source.slice(from))?.[0];
  const count = name === undefined ? undefined : Object.hasOwn(TYPE_ARGUMENTS, name) ? TYPE_ARGUMENTS[name] : undefined;
  if (name === undefined || count === undefined) return -1;
  let at = from + name.length;
  if (count === 0) return at;
  for (let i = 0; i < count; i += 1) {
    if (source[at] !== (i === 0 ? '[' : ',')) return -1;
    at = readType(source, at + 1);
    if (at < 0) return -1;
  }
  return source[at] === ']' ? at + 1 : -1;
}
