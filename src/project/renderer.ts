// Walks the project's own YAML (dbt_project.yml, profiles.yml, packages.yml, selectors.yml) and decides which values
// are rendered now. The template engine is passed in as a function.

import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { readFileText } from './read-file.ts';

/** Names that `{{ … }}` in these files can use. */
export interface YamlScope {
  /** `target`; null without a profile (deps, clean): every lookup then returns empty text. */
  readonly target: { readonly [key: string]: Json } | null;
  /** `var()`: `--vars` over vars.yml. */
  readonly vars: { readonly [name: string]: Json };
  /** False if a missing variable is None instead of an error (deps). */
  readonly requireVars: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether `env_var` may read DBT_ENV_SECRET_ variables here (profiles.yml, packages.yml). */
  readonly secrets: boolean;
}

/** Renders one text natively, as dbt renders YAML strings: `'{{ 1 }}'` is text, `'{{ 1 | as_number }}'` a number. */
export type RenderYamlText = (text: string, scope: YamlScope) => Json;

/** The same; its errors name the file, and the line when only one line contains the text. */
export function renderFrom(path: string, render: RenderYamlText): RenderYamlText {
  return (text, scope) => {
    try {
      return render(text, scope);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      const lines = readFileText(path).split(/\r?\n/);
      const found = lines.flatMap((line, i) => (line.includes(text) ? [i] : []));
      // Only the value is shown, because its line may contain a password.
      const { line: _line, column: _column, ...known } = error.details;
      throw new TsdbtError(error.kind, error.message, {
        ...known,
        path,
        ...(found.length === 1 ? { line: found[0]! + 1 } : {}),
        cause: error,
      });
    }
  };
}

type Keypath = readonly (string | number)[];

export interface RenderTreeOptions {
  /** Returns false for a value that is not rendered. */
  readonly shouldRender?: (keypath: Keypath) => boolean;
  /** Normalizes a value after rendering, depending on its key: for example null to an empty list. */
  readonly finish?: (value: Json, keypath: Keypath) => Json;
  /** Returns true if a value that fails to render is kept as written (passwords with braces). */
  readonly lenient?: (keypath: Keypath, error: unknown) => boolean;
}

/** Renders the texts of a tree of YAML values. Keys are never rendered. */
export function renderTree(
  value: Json,
  scope: YamlScope,
  render: RenderYamlText,
  options: RenderTreeOptions = {},
): Json {
  const { shouldRender, finish, lenient } = options;
  const visit = (node: Json, keypath: Keypath): Json => {
    if (Array.isArray(node)) return node.map((item, i) => visit(item, [...keypath, i]));
    if (typeof node === 'object' && node !== null && !('jinjaType' in node)) {
      const result: { [key: string]: Json } = {};
      for (const [key, item] of Object.entries(node)) result[key] = visit(item, [...keypath, key]);
      return result;
    }
    let result: Json = node;
    if (typeof node === 'string' && (shouldRender === undefined || shouldRender(keypath))) {
      try {
        result = renderText(node, scope, render);
      } catch (error) {
        if (lenient === undefined || !lenient(keypath, error)) throw error;
      }
    }
    return finish === undefined ? result : finish(result, keypath);
  };
  return visit(value, []);
}

/** Renders one text. A text without a template only loses a final newline, as in Jinja. */
export function renderText(text: string, scope: YamlScope, render: RenderYamlText): Json {
  if (!/\{[{%#]/.test(text)) return text.endsWith('\n') ? text.slice(0, -1) : text;
  try {
    return render(text, scope);
  } catch (error) {
    if (error instanceof TsdbtError && error.kind === 'compilation') {
      throw errorOf('settingNotRendered', { text, why: error.message }, error.details);
    }
    throw error;
  }
}
