// Merges overloads, which are separate SQL files, into the function that lists them. The runner creates functions in
// the database.
import type { FunctionArgument, FunctionOverload } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { NodeCalls } from '../table/node-calls.ts';
import type { PatchedFunction } from '../table/phases.ts';
import type { FunctionArgumentEntry, FunctionEntry } from '../read/yaml-shapes.ts';
import { showJson } from '../../values/index.ts';

/**
 * Merges the files listed in `overloads:` into the function. Their nodes are removed from the table, and their calls
 * are added.
 * @param calls of the function
 */
export function absorbedOverloads(
  { table }: PatchTools,
  root: PatchedFunction,
  overloads: NonNullable<FunctionEntry['overloads']>,
  argument: (entry: FunctionArgumentEntry) => FunctionArgument,
  calls: NodeCalls,
): FunctionOverload[] {
  const absorbed: FunctionOverload[] = [];
  for (const overload of overloads) {
    const { defined_in: name, returns } = overload;
    if (name === root.name) throw errorOf('overloadOfItself', { function: root.name, name });
    const id = `function.${root.package_name}.${name}`;
    const node = table.functions.get(id);
    if (node === undefined) {
      throw errorOf('overloadMissing', { name });
    }
    absorbed.push({
      defined_in: name,
      arguments: (overload.arguments ?? []).map(argument),
      returns: returns ? { data_type: returns.data_type, description: returns.description ?? null } : null,
      description: overload.description ?? null,
      raw_body: node.raw_code,
      compiled_body: null,
    });
    addMissing(calls.refs, node.refs);
    addMissing<readonly string[]>(calls.sources, node.sources);
    addMissing<readonly string[]>(calls.functions, node.functions);
    table.functions.delete(id);
    table.functionLookup.remove(name, root.package_name);
  }
  return absorbed;
}

function addMissing<T>(own: T[], others: readonly T[]): void {
  for (const item of others) if (!own.some((each) => showJson(each) === showJson(item))) own.push(item);
}
