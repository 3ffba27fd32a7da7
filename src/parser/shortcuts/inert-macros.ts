// Finds macros without effects on the parse: no reference, no config, no log output, and every macro that they call is
// named in the call. Calling them only adds a dependency; rendering finds out whether the call fails.
import type { MacroNode } from '../../contracts/node.ts';
import { type Ast, parseTemplate } from '../../jinja/index.ts';
import { walk } from '../../jinja/walk.ts';
import type { MacroIds } from '../link/macro-ids.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { StaticCall } from './static-models.ts';

/** Names by which a template affects the parser or prints to the user. Reading config has no effect. */
const EFFECTS = new RegExp(
  String.raw`\b(?:ref|source|metric|function|env_var|exceptions|context|builtins|log|print|debug|write)\b` +
    String.raw`|(?<!\.)\bconfig\b(?!\s*\.\s*(?:get|require|meta_get|meta_require|persist_relation_docs` +
    String.raw`|persist_column_docs)\b)`,
);

/** Whether the text of a variable affects the parse when `var()` renders it: dbt renders it where it is read. */
const isSpeaking = (value: unknown): boolean =>
  typeof value === 'string' && /\{[{%]/.test(value) && (EFFECTS.test(value) || /\w\s*\(/.test(value));

/** Whether a variable of the command line, the project or a package has such a text, so that `var()` has effects. */
function hasSpeakingVars({ cli_vars, project, packages }: ParseState['config']): boolean {
  return [cli_vars, ...[project, ...packages].map(({ vars }) => vars)].some((vars) =>
    Object.values(vars).some((value) =>
      typeof value === 'object' && value !== null ? Object.values(value).some(isSpeaking) : isSpeaking(value),
    ),
  );
}

const isAdapter = (node: Ast.Node): boolean => node.type === 'Name' && node.name === 'adapter';

/** Caches the results for the macros of one parse. */
export class InertMacros {
  readonly #macros: ReadonlyMap<string, MacroNode>;
  readonly #ids: MacroIds;
  /** Packages whose macros can be called from anywhere without the package's name. */
  readonly #visible: ReadonlySet<string>;
  readonly #packages: ReadonlySet<string>;
  readonly #known = new Map<string, boolean>();
  readonly #nodeReaders = new Map<string, boolean>();
  readonly #speakingVars: boolean;

  constructor({ root, internalPackages, config }: ParseState, macros: ReadonlyMap<string, MacroNode>, ids: MacroIds) {
    this.#macros = macros;
    this.#ids = ids;
    this.#visible = new Set([root.project_name, ...internalPackages]);
    this.#packages = new Set(['dbt', ...[...macros.values()].map((macro) => macro.package_name)]);
    this.#speakingVars = hasSpeakingVars(config);
  }

  /** Whether a template's `var()` may have effects. */
  readsSpeakingVar(template: string): boolean {
    return this.#speakingVars && /\bvar\b/.test(template);
  }

  /** Whether a macro and all macros that it calls have no effect. */
  has(macro: MacroNode): boolean {
    const known = this.#known.get(macro.unique_id);
    if (known !== undefined) return known;
    // A recursive macro is executed, so that endless recursion is detected.
    this.#known.set(macro.unique_id, false);
    const callsItself = macro.macro_sql.split(new RegExp(`\\b${macro.name}\\s*\\(`)).length > 2;
    let inert = !callsItself && !EFFECTS.test(macro.macro_sql) && !this.readsSpeakingVar(macro.macro_sql);
    for (const id of macro.depends_on.macros) {
      if (!inert) break;
      const called = this.#macros.get(id);
      if (called !== undefined && !this.has(called)) inert = false;
    }
    inert &&= !this.#takesMacros(macro);
    this.#known.set(macro.unique_id, inert);
    return inert;
  }

  /** Whether a macro, or one that it calls, reads the calling node, so that its calls may differ by node. */
  readsNode(id: string): boolean {
    const known = this.#nodeReaders.get(id);
    if (known !== undefined) return known;
    this.#nodeReaders.set(id, false);
    const macro = this.#macros.get(id);
    const reads =
      macro !== undefined &&
      (/\b(?:model|this)\b/.test(macro.macro_sql) || macro.depends_on.macros.some((called) => this.readsNode(called)));
    this.#nodeReaders.set(id, reads);
    return reads;
  }

  /**
   * Whether a macro uses others as values (`package[name]()`, `[one, two]`), so that the text does not show which ones
   * it calls.
   */
  #takesMacros({ macro_sql, package_name }: MacroNode): boolean {
    const own = new Set<string>();
    const read: Ast.Name[] = [];
    /** Names that identify which macro is called. */
    const plain = new Set<Ast.Node>();
    walk(parseTemplate(macro_sql).body, (node) => {
      if (node.type === 'Name') {
        if (node.ctx === 'load') read.push(node);
        else own.add(node.name);
      } else if (node.type === 'Call' && this.#namesMacro(node)) {
        plain.add(node.node.type === 'Getattr' ? node.node.node : node.node);
      } else if (node.type === 'Getattr' && node.attr !== 'dispatch' && isAdapter(node.node)) plain.add(node.node);
    });
    return read.some(
      (node) =>
        !own.has(node.name) &&
        !plain.has(node) &&
        (isAdapter(node) || this.#packages.has(node.name) || this.#ids.get(package_name, node.name) !== undefined),
    );
  }

  /** Whether a call is `name()`, `package.name()` of an existing macro, or a dispatch of a literal. */
  #namesMacro({ node, args, kwargs }: Ast.Call): boolean {
    if (node.type !== 'Getattr' || node.node.type !== 'Name') return node.type === 'Name';
    if (!isAdapter(node.node)) return this.#ids.fromPackage(node.node.name, node.attr) !== undefined;
    return (args[0] ?? kwargs.find(({ key }) => key === 'macro_name')?.value)?.type === 'Const';
  }

  /**
   * Returns the id of the inert macro that the call's `name` or `package.name` refers to in a package; null if there is
   * none or the arguments do not fit.
   */
  idOf(packageName: string, { name, positional, keywords }: StaticCall): string | null {
    const dot = name.indexOf('.');
    const macro =
      dot < 0 ? this.#ids.get(packageName, name) : this.#ids.fromPackage(name.slice(0, dot), name.slice(dot + 1));
    if (macro === undefined) return null;
    if (dot < 0 && macro.package_name !== packageName && !this.#visible.has(macro.package_name)) return null;
    const fits =
      positional <= macro.arguments.length &&
      keywords.every((key) => macro.arguments.some((argument) => argument.name === key));
    return fits && this.has(macro) ? macro.unique_id : null;
  }
}
