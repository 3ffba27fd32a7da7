// var(): the precedence of values (command line, root project, the node's package), and dbt's message for a missing
// one. The calling scope renders Jinja in a value.
import { errorOf } from '../error-table.ts';
import type { Json } from '../contracts/node.ts';
import type { Project } from '../contracts/project.ts';
import type { TsdbtError } from '../errors.ts';
import {
  argumentBinder,
  type Callable,
  callable,
  dumpJson,
  fromJson,
  PyDict,
  toText,
  type Value,
} from '../values/index.ts';

type Vars = { readonly [name: string]: Json };

/** Layers of variables; the first layer with the name wins. */
export type VarLayers = readonly Vars[];

/**
 * Returns the layers for a node of `packageName`.
 *
 * @param dependency the node's own project, if it is not the root project
 */
export function varLayers(
  cliVars: Vars,
  root: Pick<Project, 'vars'>,
  packageName: string,
  dependency?: Pick<Project, 'vars'>,
): VarLayers {
  const layers: Vars[] = [cliVars];
  for (const project of dependency === undefined ? [root] : [root, dependency]) {
    const own = Object.hasOwn(project.vars, packageName) ? project.vars[packageName] : undefined;
    if (typeof own === 'object' && own !== null && !Array.isArray(own)) layers.push(own);
    layers.push(project.vars);
  }
  return layers;
}

export interface VarOptions {
  /** The node named in the error; absent in configuration files. */
  readonly nodeName?: string | undefined;
  /** During parsing a missing variable is None. */
  readonly required: boolean;
  /** Renders Jinja in a string value. Absent: strings are returned as they are. */
  readonly render?: ((text: string) => Value | Promise<Value>) | undefined;
  /** Values that take precedence over every layer (unit tests). */
  readonly overrides?: Vars | undefined;
}

const bindCall = argumentBinder('Var.__call__', 'var_name, default=None');

/** The `var` of a context: callable, with `has_var`. */
export function createVar(layers: VarLayers, options: VarOptions): Callable {
  const all = options.overrides === undefined ? layers : [options.overrides, ...layers];
  const find = (name: string): Vars | undefined => all.find((layer) => Object.hasOwn(layer, name));
  const call: Callable = (args, kwargs) => {
    const [name = null] = bindCall(args, kwargs);
    const text = toText(name);
    const layer = find(text);
    if (layer !== undefined) {
      const value = fromJson(layer[text]);
      return typeof value === 'string' && options.render !== undefined ? options.render(value) : value;
    }
    const fallback = args.length > 1 ? args[1] : kwargs.get('default');
    if (fallback !== undefined) return fallback;
    if (!options.required) return null;
    throw missingVar(text, all, options.nodeName);
  };
  const hasVar = callable('has_var', 'var_name', (name) => find(toText(name ?? null)) !== undefined);
  call.face = {
    get: (name) => (name === 'has_var' ? hasVar : undefined),
    text: () => '<dbt.context.providers.RuntimeVar object>',
  };
  return call;
}

function missingVar(name: string, layers: VarLayers, nodeName = '<Configuration>'): TsdbtError {
  const merged = new PyDict();
  for (const layer of [...layers].reverse())
    for (const key of Object.keys(layer))
      merged.set(key, key.startsWith('DBT_ENV_SECRET') ? '*****' : fromJson(layer[key]));
  const listed = dumpJson(merged, { sortKeys: true, indent: 4 });
  return errorOf('varMissing', { name, node: nodeName, vars: listed });
}
