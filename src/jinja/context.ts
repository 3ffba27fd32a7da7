// What a running template sees besides its own variables: the globals of the caller's scope, and the names that it exports to blocks,
// includes and importers.
import type { HostObject, Value } from '../values/value.ts';
import type { RenderState } from './render-state.ts';
import { toText } from '../values/text.ts';

/** The globals of a rendering. Scopes whose macros call each other must share one `state`, else limits and traces stop at the border. */
export interface Scope {
  /** The value of a global, `undefined` when there is none. */
  get(name: string): Value | undefined;
  /** Set by the engine when it is absent. */
  state?: RenderState | undefined;
}

export type BlockFunction = (context: TemplateContext, level?: number) => Value | Generator<unknown, Value, unknown>;

/** Names and blocks of one run of a template. */
export class TemplateContext {
  readonly scope: Scope;
  readonly exported = new Map<string, Value>();
  /** Implementations of each block, the most derived first. */
  readonly blocks = new Map<string, BlockFunction[]>();
  private readonly locals: ReadonlyMap<string, Value>;
  private readonly imported = new Map<string, Value>();

  constructor(scope: Scope, locals: ReadonlyMap<string, Value> = new Map()) {
    this.scope = scope;
    this.locals = locals;
  }

  get(name: string): Value | undefined {
    for (const names of [this.exported, this.imported, this.locals]) {
      const value = names.get(name);
      if (value !== undefined) return value;
    }
    return this.scope.get(name);
  }

  export(name: string, value: Value): void {
    if (name.startsWith('_')) this.imported.set(name, value);
    else this.exported.set(name, value);
  }

  importedName(name: string, value: Value): void {
    this.imported.set(name, value);
  }

  /** A context for another template that sees the names of this one and `locals`. */
  derive(locals: { readonly [name: string]: Value | undefined }): TemplateContext {
    const names = new Map(this.locals);
    for (const [name, value] of this.imported) names.set(name, value);
    for (const [name, value] of this.exported) names.set(name, value);
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
  private readonly exported: ReadonlyMap<string, Value>;
  private readonly text: Value;

  constructor(name: string, exported: ReadonlyMap<string, Value>, text: Value) {
    this.name = name;
    this.exported = exported;
    this.text = text;
  }

  jinjaGet(name: string): Value | undefined {
    return this.exported.get(name);
  }

  jinjaText(): string {
    return toText(this.text);
  }

  jinjaRepr(): string {
    return `<TemplateModule '${this.name}'>`;
  }
}
