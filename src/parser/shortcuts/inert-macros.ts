// Finds macros without effects on the parse: no reference, no config, no log output, and every macro that they call is
// named in the call. Their calls only count as dependencies; whether a call fails is for the rendering to find out.
// macro-ids.ts resolves macro names.
import type { MacroNode } from '../../contracts/node.ts';
import type { MacroIds } from '../link/macro-ids.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { StaticCall } from './static-models.ts';

/** Names by which a template affects the parser or prints to the user. Reading config has no effect. */
const EFFECTS = new RegExp(
  String.raw`\b(?:ref|source|metric|function|env_var|exceptions|context|builtins|log|print|debug|write)\b` +
    String.raw`|(?<!\.)\bconfig\b(?!\s*\.\s*(?:get|require|meta_get|meta_require|persist_relation_docs` +
    String.raw`|persist_column_docs)\b)`,
);

const TEXT = String.raw`'(?:\\[^]|[^'\\])*'|"(?:\\[^]|[^"\\])*"`;
const TEXTS = new RegExp(TEXT, 'g');
/** A comment, or a tag whose texts may hold what ends a tag. */
const TAGS = new RegExp(String.raw`\{#[^]*?#\}|\{\{(?:${TEXT}|[^'"])*?\}\}|\{%(?:${TEXT}|[^'"])*?%\}`, 'g');
/** A dispatch of a name that is computed. */
const COMPUTED_DISPATCH = /\badapter\s*\.\s*dispatch\s*\(\s*(?!(?:macro_name\s*=\s*)?'')/;
/** A name that is no attribute or filter, its attribute, and whether it is called or set. */
const NAMES = /(?<![\w.]|\|\s*)([A-Za-z_]\w*)(?:\s*\.\s*(\w+))?\s*(\(|=(?!=))?/g;
/** The names that a tag sets. */
const TARGETS = /\{%[-+]?\s*(?:set\s+([\w\s,]+)|for\s+([\w\s,()]+?)\s+in\b)/;

/** The code of each tag, with empty texts. */
const tagsOf = (template: string): string[] =>
  (template.match(TAGS) ?? []).filter((tag) => !tag.startsWith('{#')).map((tag) => tag.replace(TEXTS, "''"));

/** Whether the text of a variable affects the parse when `var()` renders it: dbt renders it where it is read. */
const isSpeaking = (value: unknown): boolean =>
  typeof value === 'string' && /\{[{%]/.test(value) && (EFFECTS.test(value) || /\w\s*\(/.test(value));

/** Whether a variable of the command line, the project or a package has such a text; then `var()` has effects. */
function hasSpeakingVars({ cli_vars, project, packages }: ParseState['config']): boolean {
  return [cli_vars, ...[project, ...packages].map(({ vars }) => vars)].some((vars) =>
    Object.values(vars).some((value) =>
      typeof value === 'object' && value !== null ? Object.values(value).some(isSpeaking) : isSpeaking(value),
    ),
  );
}

/** Caches the answers for the macros of one parse. */
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

  /** Whether a macro, or one that it calls, reads the node that calls it, so that its calls may differ by node. */
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

  /** Whether a macro has others as values (`package[name]()`, `[one, two]`): which of them it calls is not written. */
  #takesMacros({ macro_sql, package_name }: MacroNode): boolean {
    const tags = tagsOf(macro_sql);
    // The first tag has the parameters.
    const own = new Set(tags[0]?.match(/(?<=[(,]\s*)\w+/g));
    for (const tag of tags) {
      const [, set, loop] = TARGETS.exec(tag) ?? [];
      for (const name of (set ?? loop ?? '').match(/\w+/g) ?? []) own.add(name);
    }
    return tags.some((tag) => {
      if (COMPUTED_DISPATCH.test(tag)) return true;
      for (const [, name = '', attribute, sign] of tag.matchAll(NAMES)) {
        if (sign === '=' || own.has(name)) continue;
        if (this.#packages.has(name)) {
          if (sign !== '(' || attribute === undefined || !this.#ids.fromPackage(name, attribute)) return true;
        } else if (attribute === undefined && sign === undefined && this.#ids.get(package_name, name)) return true;
      }
      return false;
    });
  }

  /**
   * The id of the inert macro that the call's `name` or `package.name` refers to in a package; null when there is none
   * or the arguments do not fit.
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
