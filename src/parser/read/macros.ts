// Reads macros, materializations and generic tests from files, with the calls of each. Facts of a file are plain data,
// so that the build can store those of built-in packages. src/context calls macros.
import type { MacroNode } from '../../contracts/node.ts';
import type { SourceFile } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import type { TsdbtError } from '../../errors.ts';
import type { Call, Macro, Node } from '../../jinja/ast.ts';
import { Environment, extractBlocks } from '../../jinja/index.ts';
import { walk } from '../../jinja/walk.ts';
import type { ParseState } from '../table/parse-state.ts';

/** A call within a macro that may refer to another macro: `name`, `package.name`, or a dispatch. */
export type MacroCall = string | DispatchCall;

/** `adapter.dispatch(name, namespace)`. */
export interface DispatchCall {
  readonly dispatch: string;
  readonly namespace: string | null;
}

/** Facts about one macro in a file. Plain JSON. */
export interface MacroFacts {
  readonly name: string;
  readonly package_name: string;
  readonly original_file_path: string;
  readonly macro_sql: string;
  readonly arguments: readonly string[];
  readonly supported_languages: readonly string[] | null;
  readonly calls: readonly MacroCall[];
}

const PREFIX = 'dbt_macro__';
const MACRO_BLOCKS = ['macro', 'materialization', 'test', 'data_test'];
const TEST_BLOCKS = ['test', 'data_test'];
/** Calls of dbt's own functions, which are never macros. */
const STANDARD_CALLS: ReadonlySet<string> = new Set(['source', 'ref', 'config']);
/** Names in dbt's base context, whose calls are not macro calls. */
const CONTEXT_NAMES: ReadonlySet<string> = new Set([
  'dbt_version',
  'project_name',
  'schema',
  'target',
  'var',
  'env_var',
  'return',
  'fromjson',
  'tojson',
  'fromyaml',
  'toyaml',
  'set',
  'set_strict',
  'zip',
  'zip_strict',
  'log',
  'run_started_at',
  'invocation_id',
  'thread_id',
  'invocation_args_dict',
  'modules',
  'flags',
  'print',
  'diff_of_two_dicts',
  'local_md5',
  'dbt_metadata_envs',
  'debug',
  'builtins',
]);

/**
 * Facts of all macros in some files. Pure: the build stores the result for built-in packages, and `macroNodes` uses
 * it.
 * @throws TsdbtError `compilation` for a block that cannot be parsed
 */
export function parseMacroFiles(
  files: readonly SourceFile[],
  onWarning?: (file: SourceFile, message: string) => void,
): MacroFacts[] {
  const out: MacroFacts[] = [];
  const environment = new Environment();
  for (const file of files) {
    if (file.contents.trim() === '') continue;
    const allowed = file.kind === 'generic_test' ? TEST_BLOCKS : MACRO_BLOCKS;
    const onUnexpected =
      file.kind === 'generic_test' || onWarning === undefined
        ? undefined
        : (type: string): void => onWarning(file, `Found unexpected '${type}' block tag.`);
    for (const block of extractBlocks(file.contents, {
      allowed,
      path: file.original_file_path,
      line: file.first_line,
      ...(onUnexpected === undefined ? {} : { onUnexpected }),
    })) {
      const facts = factsOf(environment, file, block.fullBlock, block.line + (file.first_line ?? 1) - 1);
      if (facts !== null) out.push(facts);
    }
  }
  return out;
}

function factsOf(environment: Environment, file: SourceFile, sql: string, line: number): MacroFacts | null {
  const tree = environment.parse(sql, { name: file.original_file_path, path: file.original_file_path, line });
  const macros: Macro[] = [];
  const calls: Call[] = [];
  walk(tree.body, (node: Node) => {
    if (node.type === 'Macro') macros.push(node);
    else if (node.type === 'Call') calls.push(node);
  });
  const macro = macros[0];
  if (macro === undefined || macros.length !== 1) {
    throw errorOf(
      'manyMacros',
      { sql },
      {
        path: file.original_file_path,
        line,
      },
    );
  }
  if (!macro.name.startsWith(PREFIX)) return null;
  const name = macro.name.slice(PREFIX.length);
  return {
    name,
    package_name: file.package_name,
    original_file_path: file.original_file_path,
    macro_sql: sql,
    arguments: file.kind === 'generic_test' ? [] : macro.args.map((arg) => arg.name),
    supported_languages: macro.blockType === 'materialization' ? supportedLanguages(macro, file) : null,
    calls: calledMacros(calls, file.original_file_path),
  };
}

function supportedLanguages(macro: Macro, file: SourceFile): string[] {
  const index = macro.args.findIndex((arg) => arg.name === 'supported_languages');
  const value = index < 0 ? undefined : macro.defaults[macro.defaults.length - (macro.args.length - index)];
  if (value?.type !== 'List') {
    throw errorOf(
      'noSupportedLanguages',
      { macro: macro.writtenName },
      {
        path: file.original_file_path,
      },
    );
  }
  return value.items.map((item) => (item.type === 'Const' ? String(item.value) : ''));
}

function calledMacros(calls: readonly Call[], path: string): MacroCall[] {
  const out: MacroCall[] = [];
  const seen = new Set<string>();
  // jinja2's find_all visits calls breadth first; here parents come first, which yields the same set.
  for (const call of calls) {
    const { node } = call;
    let name: string | null = null;
    if (node.type === 'Name') name = node.name;
    else if (node.type === 'Getattr' && node.node.type === 'Name') {
      if (node.node.name === 'adapter') {
        const dispatch = node.attr === 'dispatch' ? dispatchCall(call, path) : null;
        if (dispatch !== null) out.push(dispatch);
        continue;
      }
      name = `${node.node.name}.${node.attr}`;
    }
    if (name === null || STANDARD_CALLS.has(name) || CONTEXT_NAMES.has(name) || seen.has(name)) continue;
    seen.add(name);
    out.push(name);
  }
  return out;
}

function dispatchCall(call: Call, path: string): DispatchCall | null {
  const text = (node: Node | undefined): string | null =>
    node?.type === 'Const' && typeof node.value === 'string' ? node.value : null;
  const keyword = (key: string): Node | undefined => call.kwargs.find((each) => each.key === key)?.value;
  const given = keyword('macro_namespace');
  if (given !== undefined && given.type !== 'Const') {
    throw errorOf('macroNamespaceNoText', { type: given.type }, { path });
  }
  const name = text(call.args[0]) ?? text(keyword('macro_name'));
  if (name === null) return null;
  return { dispatch: name, namespace: text(call.args[1]) ?? text(given) };
}

/**
 * Returns the macros of all packages in package order. Within a package, macros come before generic tests.
 * @param ready facts of built-in packages from the build: their files are then not read
 */
export function readMacros(state: ParseState, ready: readonly MacroFacts[]): MacroFacts[] {
  const facts: MacroFacts[] = [];
  for (const name of state.projects.keys()) {
    const own = state.internalPackages.includes(name) ? ready.filter((each) => each.package_name === name) : [];
    if (own.length > 0) {
      facts.push(...own);
      continue;
    }
    const files = state.filesOf(name);
    facts.push(
      ...parseMacroFiles(
        files.filter((file) => file.kind === 'macro'),
        (file, message) => warnOfBlock(state, file, message),
      ),
      ...parseMacroFiles(files.filter((file) => file.kind === 'generic_test')),
    );
  }
  return facts;
}

function warnOfBlock(state: ParseState, file: SourceFile, message: string): void {
  state.warnings.deprecated('UnexpectedJinjaBlockDeprecation', `${message} in file \`${file.original_file_path}\``, {
    msg: message,
    file: file.original_file_path,
  });
}

/**
 * Builds macros as nodes of the manifest, by unique_id. `linkMacros` resolves their calls when all macros exist.
 * @throws TsdbtError `compilation` for two macros with one name in a package
 */
export function macroNodes(state: ParseState, facts: readonly MacroFacts[]): ReadonlyMap<string, MacroNode> {
  const macros = new Map<string, MacroNode>();
  const documented = state.flag('validate_macro_args', true);
  for (const each of facts) {
    const unique_id = `macro.${each.package_name}.${each.name}`;
    const existing = macros.get(unique_id);
    if (existing !== undefined) throw duplicateMacro(each, existing);
    macros.set(unique_id, {
      name: each.name,
      resource_type: 'macro',
      package_name: each.package_name,
      path: each.original_file_path,
      original_file_path: each.original_file_path,
      unique_id,
      macro_sql: each.macro_sql,
      depends_on: { macros: [] },
      description: '',
      meta: {},
      docs: { show: true, node_color: null },
      config: { meta: {}, docs: { show: true, node_color: null } },
      patch_path: null,
      arguments: documented ? each.arguments.map((name) => ({ name, type: null, description: '' })) : [],
      created_at: state.createdAt,
      supported_languages: each.supported_languages === null ? null : [...each.supported_languages],
    });
  }
  return macros;
}

function duplicateMacro(second: MacroFacts, first: MacroNode): TsdbtError {
  const { name, package_name, original_file_path } = second;
  return errorOf(
    'sameMacroName',
    { macro: name, package: package_name, one: original_file_path, other: first.original_file_path },
    { path: original_file_path },
  );
}
