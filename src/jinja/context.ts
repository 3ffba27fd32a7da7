// What a running template sees besides its own variables: the globals of the caller's scope, and the names that it
// exports to blocks, includes and importers.
import type { HostObject, Value } from '../values/value.ts';
import type { RenderState } from './render-state.ts';
import { toText } from '../values/text.ts';

/**
 * The globals of a rendering. Scopes whose macros call each other must share one `state`, else limits and traces stop
 * at the border.
 */
export interface Scope {
  /** The value of a global, `undefined` when there is none. */
  get(name: string): Value | undefined;
  /** The hint of an error about a name that `get` does not have. */
  suggest?(name: string): string | undefined;
  /** Set by the engine when it is absent. */
  state?: RenderState | undefined;
}

export type BlockFunction = (context: TemplateContext, level?: number) => Value | Generator<unknown, Value, unknown>;

/** Names and blocks of one run of a template. Most runs have none of their own. */
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

  /** Implementations of each block, the most derived first. */
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

  /** A context for another template that sees the names of this one and `locals`. */
  derive(locals: { readonly [name: string]: Value | undefined }): TemplateContext {
    const names = new Map([...(this.#locals ?? []), ...(this.#imported ?? []), ...(this.#exportedNames ?? [])]);
    for (const name of Object.keys(locals)) {
      const value = locals[name];
      if (value !== undefined) names.set(name, value);
    }
    return new TemplateContext(this.scope, names);
  }
}

/** What `import` gives: the exported names of a template. */
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
