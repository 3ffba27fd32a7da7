// Reports two resources with one id, with dbt's message and the plural of their type. Pure.
import { errorOf } from '../../error-table.ts';
import type { TsdbtError } from '../../errors.ts';

/** Resource types that `ref()` can refer to. */
export const REFABLE: ReadonlySet<string> = new Set(['model', 'seed', 'snapshot']);

const PLURALS: Readonly<Record<string, string>> = {
  analysis: 'analyses',
  saved_query: 'saved_queries',
  test: 'data_tests',
  doc: 'docs',
  macro: 'macros',
  unit_test: 'unit_tests',
};

/** `models`, `analyses`, `data_tests` … */
export function pluralOf(resourceType: string): string {
  return PLURALS[resourceType] ?? `${resourceType}s`;
}

/** The fields that the message about two resources needs. */
export interface WithOrigin {
  readonly name: string;
  readonly resource_type: string;
  readonly unique_id: string;
  readonly original_file_path: string;
  readonly source_name?: unknown;
  readonly test_metadata?: unknown;
  readonly column_name?: unknown;
  readonly file_key_name?: unknown;
}

/** dbt's error for two resources with one id. */
export function duplicateResource(second: WithOrigin, first: WithOrigin): TsdbtError {
  let name: string = second.name;
  let action = 'looking for';
  let used: string;
  const type = second.resource_type;
  if (type === 'model' || type === 'seed' || type === 'snapshot') used = `ref("${name}")`;
  else if (type === 'source') {
    used = `source("${String(second.source_name)}", "${second.name}")`;
    name = `${String(second.source_name)}_${second.name}`;
  } else if (type === 'doc') used = `doc("${name}")`;
  else if (type === 'test' && second.test_metadata !== undefined) {
    const column = second.column_name ? `column "${String(second.column_name)}" in ` : '';
    name = `${second.name}" defined on ${column}"${second.file_key_name ?? ''}`;
    action = 'running';
    used = 'tests';
  } else used = name;
  const kinds = type === first.resource_type ? pluralOf(type) : 'resources';
  return errorOf(
    'sameResourceName',
    {
      kinds,
      name,
      action,
      call: used,
      one: second.unique_id,
      onePath: second.original_file_path,
      other: first.unique_id,
      otherPath: first.original_file_path,
    },
    { path: second.original_file_path },
  );
}

/**
 * Adds a resource to its table.
 * @throws TsdbtError `compilation` if the id already exists
 */
export function addUnique<T extends WithOrigin>(table: Map<string, T>, resource: T): void {
  const existing = table.get(resource.unique_id);
  if (existing !== undefined) throw duplicateResource(resource, existing);
  table.set(resource.unique_id, resource);
}
