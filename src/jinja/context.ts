// What a running template sees in addition to its own variables: the globals of the caller's scope, and the names it
// exports to blocks, includes and importers.
import type { HostObject, Value } from '../values/value.ts';
import type { RenderState } from './render-state.ts';
import { toText } from '../values/text.ts';

/**
 * The globals of a rendering. Scopes whose macros call each other must share one `state`: limits and traces do not
 * cross from one state to another.
 */
export interface Scope {
  /** Returns the value of a global, or `undefined` if it does not exist. */
  get(name: string): Value | undefined;
  /** Returns the hint for the error about a name that `get` does not find. */
  suggest?(name: string): string | undefined;
  /** Created by the engine if absent. */
  state?: RenderState | undefined;
}

export type BlockFunction = (context: TemplateContext, level?: number) => Value | Generator<unknown, Value, unknown>;

/** Names and blocks of one run of a template. Most runs define neither. */
export class TemplateContext {
  readonly scope: Scope;
  readonly #locals: ReadonlyMap<string, Value> | undefined;
  #exportedNames: Map<string, Value> | undefined;
  #imported: Map<string, Value> | undefined;
  #blockTable: Map<string, BlockFunction[]> | undefined;

  constructor(scope: Scope, locals?: ReadonlyMap<string, Value>) {
    this.scope = scope;
    this.#locals = locals;
  }

  get exported(): Map<string, Value> {
    return (this.#exportedNames ??= new Map());
  }

  /** Implementations of each block, the most derived one first. */
  get blocks(): Map<string, BlockFunction[]> {
    return (this.#blockTable ??= new Map());
  }

  get(name: string): Value | undefined {
    let value = this.#exportedNames?.get(name);
    if (value === undefined) value = this.#imported?.get(name);
    if (value === undefined) value = this.#locals?.get(name);
    return value === undefined ? this.scope.get(name) : value;
  }

  export(name: string, value: Value): void {
    if (name.startsWith('_')) this.importedName(name, value);
    else this.exported.set(name, value);
  }

  importedName(name: string, value: Value): void {
    (this.#imported ??= new Map()).set(name, value);
  }

  /** Creates the context of another template, which sees this context's names and `locals`. */
  derive(locals: { readonly [name: string]: Value | undefined }): TemplateContext {
    const names = new Map([...(this.#locals ?? []), ...(this.#imported ?? []), ...(this.#exportedNames ?? [])]);
    for (const name of Object.keys(locals)) {
      const value = locals[name];
      if (value !== undefined) names.set(name, value);
    }
    return new TemplateContext(this.scope, names);
  }
}

/** The result of `import`: the names that a template exports. */
export class TemplateModule implements HostObject {
  readonly jinjaType = 'jinja2.environment.TemplateModule';
  readonly name: string;
  readonly #exported: ReadonlyMap<string, Value>;
  readonly #text: Value;

  constructor(name: string, exported: ReadonlyMap<string, Value>, text: Value) {
    this.name = name;
    this.#exported = exported;
    this.#text = text;
  }

  jinjaGet(name: string): Value | undefined {
    return this.#exported.get(name);
  }

  jinjaText(): string {
    return toText(this.#text);
  }

  jinjaRepr(): string {
    return `<TemplateModule '${this.name}'>`;
  }
}
