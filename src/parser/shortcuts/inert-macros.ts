// Macros that have no effect while parsing: no reference, no config, no output to the log. A call of one needs no
// rendering, it only counts as a dependency. Leaves which macro a name means to macro-ids.ts.
import type { MacroNode } from '../../contracts/node.ts';
import type { MacroIds } from '../link/macro-ids.ts';
import type { ParseState } from '../table/parse-state.ts';

/** Names through which a template says something to the parser or to the user. Reading of config has no effect. */
const EFFECTS = new RegExp(
  String.raw`\b(?:ref|source|metric|function|env_var|exceptions|context|builtins|log|print|debug|write)\b` +
    String.raw`|(?<!\.)\bconfig\b(?!\s*\.\s*(?:get|require|meta_get|meta_require|persist_relation_docs` +
    String.raw`|persist_column_docs)\b)`,
);

/** Answers for the macros of one parse. */
export class InertMacros {
  readonly #macros: ReadonlyMap<string, MacroNode>;
  readonly #ids: MacroIds;
  /** Packages whose macros can be called from anywhere without the package's name. */
  readonly #visible: ReadonlySet<string>;
  readonly #known = new Map<string, boolean>();

  constructor({ root, internalPackages }: ParseState, macros: ReadonlyMap<string, MacroNode>, ids: MacroIds) {
    this.#macros = macros;
    this.#ids = ids;
    this.#visible = new Set([root.project_name, ...internalPackages]);
  }

  /** Whether a macro, and all that it calls, have no effect. */
  has(macro: MacroNode): boolean {
    const known = this.#known.get(macro.unique_id);
    if (known !== undefined) return known;
    // A macro that calls itself is run, so that one that never ends is found.
    this.#known.set(macro.unique_id, false);
    const callsItself = macro.macro_sql.split(new RegExp(`\\b${macro.name}\\s*\\(`)).length > 2;
    let inert = !callsItself && !EFFECTS.test(macro.macro_sql);
    for (const id of macro.depends_on.macros) {
      if (!inert) break;
      const called = this.#macros.get(id);
      if (called !== undefined && !this.has(called)) inert = false;
    }
    this.#known.set(macro.unique_id, inert);
    return inert;
  }

  /**
   * The id of the inert macro that `name` or `package.name` means to a node of a package; null when it is none, or the
   * call does not fit its arguments.
   */
  idOf(packageName: string, name: string, positional: number, keywords: readonly string[]): string | null {
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
