// Overloads of a function: SQL files of their own that become part of the function that lists them. Leaves creating
// functions in the database to the runner.
import type { FunctionArgument, FunctionNode, FunctionOverload } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import type { ParseTools } from '../config/node-update.ts';
import type { FunctionArgumentEntry, FunctionEntry } from '../read/yaml-shapes.ts';
import { showJson } from '../../values/index.ts';

/** Moves the files that `overloads:` names into the function. */
export function absorbOverloads(
  tools: ParseTools,
  root: FunctionNode,
  overloads: NonNullable<FunctionEntry['overloads']>,
  argument: (entry: FunctionArgumentEntry) => FunctionArgument,
): void {
  const { state } = tools;
  const absorbed: FunctionOverload[] = [];
  for (const overload of overloads) {
    const { defined_in: name, returns } = overload;
    if (name === root.name)
      throw new TsdbtError(
        'parsing',
        `Function '${root.name}' cannot list itself in overloads (defined_in: '${name}').`,
      );
    const id = `function.${root.package_name}.${name}`;
    const node = state.functions.get(id);
    if (node === undefined) {
      throw new TsdbtError(
        'parsing',
        `Function overload '${name}' (defined_in) not found. Expected a SQL file at functions/${name}.sql`,
      );
    }
    absorbed.push({
      defined_in: name,
      arguments: (overload.arguments ?? []).map(argument),
      returns: returns ? { data_type: returns.data_type, description: returns.description ?? null } : null,
      description: overload.description ?? null,
      raw_body: node.raw_code,
      compiled_body: null,
    });
    addMissing(root.refs, node.refs);
    addMissing<string[]>(root.sources, node.sources);
    addMissing(root.functions, node.functions);
    state.functions.delete(id);
    state.functionLookup.remove(name, root.package_name);
  }
  root.overloads = absorbed;
}

function addMissing<T>(own: T[], others: readonly T[]): void {
  for (const item of others) if (!own.some((each) => showJson(each) === showJson(item))) own.push(item);
}
