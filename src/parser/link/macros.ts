// Which macros each macro calls. Leaves finding the calls in the text to read/macros.ts.
import type { MacroNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import type { DispatchCall, MacroFacts } from '../read/macros.ts';
import type { ParseState } from '../table/parse-state.ts';
import { type DispatchOptions, dispatchedMacro, MacroIds } from './macro-ids.ts';

/**
 * Fills `depends_on.macros` of every macro.
 * @returns the resolver of names over all macros of the parse
 */
export function linkMacros(state: ParseState, facts: readonly MacroFacts[]): MacroIds {
  const ids = new MacroIds(state.macros.values(), state.root.project_name, state.internalPackages);
  const options: DispatchOptions = {
    rootPackage: state.root.project_name,
    adapterType: state.adapter.type,
    dispatch: state.root.dispatch,
    dependencies: [...state.projects.keys()],
  };
  const dispatched = (call: DispatchCall, macro: MacroNode): MacroNode => {
    try {
      return dispatchedMacro(ids, call.dispatch, call.namespace, options);
    } catch (error) {
      throw error instanceof TsdbtError ? error.with({ path: macro.original_file_path }) : error;
    }
  };
  for (const { name, package_name, calls } of facts) {
    if (calls.length === 0) continue;
    const node = state.macros.get(`macro.${package_name}.${name}`);
    if (node === undefined) continue;
    const { macros } = node.depends_on;
    const add = (found: MacroNode | undefined): void => {
      if (found !== undefined && !macros.includes(found.unique_id)) macros.push(found.unique_id);
    };
    for (const call of calls) {
      if (typeof call !== 'string') {
        if (call.dispatch !== name) add(ids.get(package_name, call.dispatch));
        add(dispatched(call, node));
      } else if (call !== name) {
        const dot = call.indexOf('.');
        add(dot < 0 ? ids.get(package_name, call) : ids.get(call.slice(0, dot), call.slice(dot + 1)));
      }
    }
  }
  return ids;
}
