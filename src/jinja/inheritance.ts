// How templates use each other: include, import, extends and blocks.
import { toArray } from '../values/iterate.ts';
import { JinjaError } from '../values/python-error.ts';
import { stringRepr, toRepr, toText } from '../values/text.ts';
import { PyTuple } from '../values/tuple.ts';
import { Undefined } from '../values/undefined.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';
import { type BlockFunction, type TemplateContext, TemplateModule } from './context.ts';
import type { RenderState } from './render-state.ts';

type Running = Value | Generator<unknown, Value, unknown>;

/** A compiled template as seen by other templates. */
export interface LoadedTemplate {
  readonly name: string;
  instantiate(
    state: RenderState,
    context: TemplateContext,
  ): { root: (context: TemplateContext) => Running; blocks: ReadonlyMap<string, BlockFunction> };
}

/** Finds a template by name; `undefined` if it does not exist. */
export type TemplateLoader = (name: string) => LoadedTemplate | undefined;

export class TemplateInheritance {
  readonly #loader: TemplateLoader;

  constructor(loader: TemplateLoader) {
    this.#loader = loader;
  }

  /** Starts a template: registers its blocks after those of the templates that extend it. */
  start(template: LoadedTemplate, state: RenderState, context: TemplateContext): Running {
    const { root, blocks } = template.instantiate(state, context);
    for (const [name, block] of blocks) {
      const known = context.blocks.get(name);
      if (known === undefined) context.blocks.set(name, [block]);
      else known.push(block);
    }
    return root(context);
  }

  parentTemplate(_state: RenderState, _context: TemplateContext, name: Value): LoadedTemplate {
    return this.#find(name);
  }

  extend(state: RenderState, context: TemplateContext, parent: LoadedTemplate): Running {
    return this.start(parent, state, context);
  }

  block(_state: RenderState, context: TemplateContext, name: string): Running {
    const first = context.blocks.get(name)?.[0];
    return first === undefined ? '' : first(context, 0);
  }

  superBlock(_state: RenderState, context: TemplateContext, name: string, level = 0): Value {
    const parent = context.blocks.get(name)?.[level + 1];
    if (parent === undefined) return new Undefined('super', `there is no parent block called ${stringRepr(name)}.`);
    return blockReference(() => parent(context, level + 1));
  }

  self(_state: RenderState, context: TemplateContext): Value {
    const reference: HostObject = {
      jinjaType: 'jinja2.runtime.TemplateReference',
      jinjaGet: () => undefined,
      jinjaItem: (name) => {
        const block = typeof name === 'string' ? context.blocks.get(name)?.[0] : undefined;
        return block && blockReference(() => block(context, 0));
      },
    };
    return reference;
  }

  checkRequired(context: TemplateContext, name: string): void {
    if ((context.blocks.get(name)?.length ?? 0) <= 1)
      throw new JinjaError('TemplateRuntimeError', `Required block ${stringRepr(name)} not found`);
  }

  include(state: RenderState, context: TemplateContext, name: Value, ignoreMissing: boolean): Running {
    let template: LoadedTemplate;
    try {
      template = this.#find(name);
    } catch (error) {
      if (
        ignoreMissing &&
        error instanceof JinjaError &&
        (error.type === 'TemplateNotFound' || error.type === 'TemplatesNotFound')
      )
        return '';
      throw error;
    }
    return this.start(template, state, context);
  }

  import(state: RenderState, context: TemplateContext, name: Value): Running {
    const template = this.#find(name);
    const result = this.start(template, state, context);
    if (typeof result === 'object' && result !== null && 'next' in result && typeof result.next === 'function') {
      return importLater(template.name, context, result);
    }
    return new TemplateModule(template.name, context.exported, result as Value);
  }

  #find(name: Value): LoadedTemplate {
    if (typeof name === 'object' && name !== null && (Array.isArray(name) || name instanceof PyTuple)) {
      const names = toArray(name);
      for (const candidate of names) {
        const template = this.#loader(toText(candidate));
        if (template !== undefined) return template;
      }
      if (names.length === 0)
        throw new JinjaError('TemplatesNotFound', 'Tried to select from an empty list of templates.');
      throw new JinjaError(
        'TemplatesNotFound',
        `none of the templates given were found: ${names.map(toText).join(', ')}`,
      );
    }
    if (name instanceof Undefined) throw name.error();
    const template = this.#loader(toText(name));
    if (template === undefined)
      throw new JinjaError('TemplateNotFound', typeof name === 'string' ? name : toRepr(name));
    return template;
  }
}

function* importLater(
  name: string,
  context: TemplateContext,
  running: Generator<unknown, Value, unknown>,
): Generator<unknown, Value, unknown> {
  const text = yield* running;
  return new TemplateModule(name, context.exported, text);
}

function blockReference(run: Callable): Callable {
  const reference: Callable = (args, kwargs) => run(args, kwargs);
  reference.face = { type: 'jinja2.runtime.BlockReference' };
  return reference;
}
