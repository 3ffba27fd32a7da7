// Resolves the macros that each macro calls. read/macros.ts finds the calls in the text.
import type { MacroNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import type { MacroFacts } from '../read/macros.ts';
import type { ParseState } from '../table/parse-state.ts';
import { type DispatchOptions, dispatchedMacro, MacroIds } from './macro-ids.ts';

/** The macros of a parse, with the resolution of their names. */
export interface LinkedMacros {
  /** By unique_id. */
  readonly macros: ReadonlyMap<string, MacroNode>;
  readonly ids: MacroIds;
}

/** Adds to each macro the ids of the macros that it calls. */
export function linkMacros(
  state: ParseState,
  read: ReadonlyMap<string, MacroNode>,
  facts: readonly MacroFacts[],
): LinkedMacros {
  const names = new MacroIds(read.values(), state.root.project_name, state.internalPackages);
  const options: DispatchOptions = {
    rootPackage: state.root.project_name,
    adapterType: state.adapter.type,
    dispatch: state.root.dispatch,
    dependencies: [...state.projects.keys()],
  };
  const macros = new Map(read);
  for (const each of facts) {
    const node = each.calls.length === 0 ? undefined : read.get(`macro.${each.package_name}.${each.name}`);
    if (node === undefined) continue;
    try {
      macros.set(node.unique_id, { ...node, depends_on: { macros: calledIds(names, options, each) } });
    } catch (error) {
      throw error instanceof TsdbtError ? error.with({ path: node.original_file_path }) : error;
    }
  }
  return { macros, ids: new MacroIds(macros.values(), state.root.project_name, state.internalPackages) };
}

/** Ids of the macros that one macro calls, without duplicates. */
function calledIds(ids: MacroIds, options: DispatchOptions, { name, package_name, calls }: MacroFacts): string[] {
  const called = new Set<string>();
  const add = (found: MacroNode | undefined): void => {
    if (found !== undefined) called.add(found.unique_id);
  };
  for (const call of calls) {
    if (typeof call !== 'string') {
      if (call.dispatch !== name) add(ids.get(package_name, call.dispatch));
      add(dispatchedMacro(ids, call.dispatch, call.namespace, options));
    } else if (call !== name) {
      const dot = call.indexOf('.');
      add(dot < 0 ? ids.get(package_name, call) : ids.get(call.slice(0, dot), call.slice(dot + 1)));
    }
  }
  return [...called];
}
