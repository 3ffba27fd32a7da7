// Overloads of a function: SQL files of their own that become part of the function that lists them. Leaves creating
// functions in the database to the runner.
import type { ParsedOnlyNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from '../config/config-fields.ts';
import type { ParseTools } from '../config/node-update.ts';
import type { YamlDict } from '../read/yaml-entries.ts';
import { showJson } from '../../values/index.ts';

/** Moves the files that `overloads:` names into the function. */
export function absorbOverloads(
  tools: ParseTools,
  root: ParsedOnlyNode,
  overloads: readonly YamlDict[],
  argument: (data: YamlDict) => YamlDict,
): void {
  const { state } = tools;
  const absorbed: unknown[] = [];
  for (const overload of overloads) {
    const name = overload['defined_in'] as string;
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
    const returns = overload['returns'];
    absorbed.push({
      defined_in: name,
      arguments: ((overload['arguments'] ?? []) as YamlDict[]).map(argument),
      returns: isDict(returns)
        ? { data_type: returns['data_type'], description: returns['description'] ?? null }
        : null,
      description: overload['description'] ?? null,
      raw_body: node['raw_code'],
      compiled_body: null,
    });
    for (const key of ['refs', 'sources', 'functions']) {
      const own = root[key] as unknown[];
      for (const item of node[key] as unknown[])
        if (!own.some((each) => showJson(each) === showJson(item))) own.push(item);
    }
    state.functions.delete(id);
    state.functionLookup.remove(name, root.package_name);
  }
  root['overloads'] = absorbed;
}
