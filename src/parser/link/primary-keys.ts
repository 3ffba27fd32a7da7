// Derives the primary key of a model from its constraints or tests. Pure.
import type { PatchedModel, PatchedNode, PatchedResource, PatchedTest } from '../table/phases.ts';
import type { PatchedTable } from '../table/tables.ts';

/**
 * The columns of each model's primary key, in order.
 * @param isRefused whether a test is disabled because a referenced node is missing
 */
export function primaryKeys(
  table: PatchedTable,
  isRefused: (test: PatchedTest) => boolean,
): ReadonlyMap<PatchedNode, readonly string[]> {
  const tests = new Map<string, PatchedTest[]>();
  const collect = (node: PatchedResource): void => {
    if (node.resource_type !== 'test' || !node.attached_node) return;
    const list = tests.get(node.attached_node);
    if (list === undefined) tests.set(node.attached_node, [node]);
    else list.push(node);
  };
  for (const node of table.nodes.values()) collect(node);
  for (const nodes of table.disabled.values()) for (const node of nodes) collect(node);
  const keys = new Map<PatchedNode, readonly string[]>();
  for (const node of table.nodes.values())
    if (node.resource_type === 'model')
      keys.set(node, primaryKeyOf(node, tests.get(node.unique_id) ?? [], isRefused).sort());
  return keys;
}

function primaryKeyOf(
  node: PatchedModel,
  tests: readonly PatchedTest[],
  isRefused: (test: PatchedTest) => boolean,
): string[] {
  for (const constraint of node.constraints)
    if (constraint.type === 'primary_key') return [...(constraint.columns ?? [])];
  for (const name in node.columns)
    if (node.columns[name]?.constraints.some((constraint) => constraint.type === 'primary_key')) return [name];
  const unique = new Set<string>();
  const disabledUnique = new Set<string>();
  const notNull = new Set<string>();
  for (const test of tests) {
    const metadata = test.test_metadata;
    if (metadata === undefined) continue;
    const { column_name, combination_of_columns } = metadata.kwargs;
    const columns =
      typeof column_name === 'string'
        ? [column_name]
        : Array.isArray(combination_of_columns)
          ? combination_of_columns.filter((column) => typeof column === 'string')
          : [];
    for (const column of columns) {
      if (metadata.name === 'unique' || metadata.name === 'unique_combination_of_columns')
        (test.config.enabled && !isRefused(test) ? unique : disabledUnique).add(column);
      else if (metadata.name === 'not_null') notNull.add(column);
    }
  }
  const both = [...notNull].filter((column) => unique.has(column) || disabledUnique.has(column));
  if (both.length > 0) return both;
  return unique.size > 0 ? [...unique] : [...disabledUnique];
}
