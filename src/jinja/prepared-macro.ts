// Macros that are part of the program as JavaScript. The build translates the built-in macros, so that no command has
// to translate them. environment.ts runs them.
import type { TemplateContext } from './context.ts';
import type { Environment } from './environment.ts';
import type { TemplateSource } from './failure.ts';
import type { FilterFunction } from './filters/filter.ts';
import type { MacroFunction, MacroInfo } from './macro-callable.ts';
import type { RenderState } from './render-state.ts';
import type { Runtime } from './runtime.ts';
import type { TestFunction } from './tests.ts';
import type { Value } from '../values/value.ts';

/** A source with exactly one macro, translated. */
export interface PreparedMacro {
  readonly info: MacroInfo;
  readonly build: (
    $: Runtime,
    $info: TemplateSource,
    F: ReadonlyMap<string, FilterFunction>,
    T: ReadonlyMap<string, TestFunction>,
  ) => (
    state: RenderState,
    context: TemplateContext,
    args: readonly (Value | undefined)[],
  ) => ReturnType<MacroFunction>;
}

/**
 * Returns the JavaScript expression of a `PreparedMacro`.
 * @param source text of one macro block
 * @returns null for a source that does not have exactly one macro, or has a constant without a JavaScript literal; it
 *   is translated at run time
 * @throws JinjaError of type TemplateSyntaxError
 */
export function macroScript(environment: Environment, source: string): string | null {
  const [macro, ...others] = environment.parse(source, { name: 'macro' }).body.filter(({ type }) => type === 'Macro');
  if (macro?.type !== 'Macro' || others.length > 0) return null;
  let info: MacroInfo | undefined;
  const code = environment.generate(
    (codegen) => {
      const made = codegen.macro(macro);
      info = made.info;
      return made.code;
    },
    false,
    { name: 'macro', text: source },
  );
  const constants = code.constants.map((constant) => literalOf(environment, constant));
  if (constants.includes(null)) return null;
  return (
    // V8 compiles a parenthesized function together with its script.
    `{ info: ${JSON.stringify(info)}, build: (function ($, $info, F, T) { "use strict"; ` +
    `const C = [${constants.join(', ')}]; ${code.source} }) }`
  );
}

function literalOf(environment: Environment, constant: unknown): string | null {
  if (isPlain(constant)) return JSON.stringify(constant);
  const [kind, name] = environment.functionName(constant) ?? [];
  return kind === undefined ? null : `${kind === 'filter' ? 'F' : 'T'}.get(${JSON.stringify(name)})`;
}

/** Whether the value survives JSON unchanged. */
function isPlain(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (Array.isArray(value)) return value.every(isPlain);
  return (
    typeof value === 'object' &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).every(isPlain)
  );
}
