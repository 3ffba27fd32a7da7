// The `columnLineage` facet of OpenLineage, from a query's column lineage. Pure.
import type { EdgeKind, QueryLineage, SourceColumn, UseRole } from '../lineage/column-lineage.ts';
import type { Dataset, Facets } from './datasets.ts';

/** The subtypes of the spec's direct and indirect transformations. */
const DIRECT: Readonly<Record<EdgeKind, string>> = {
  identical: 'IDENTITY',
  renamed: 'IDENTITY',
  cast: 'TRANSFORMATION',
  expression: 'TRANSFORMATION',
  aggregate: 'AGGREGATION',
  window: 'TRANSFORMATION',
};
const INDIRECT: Readonly<Record<UseRole, string>> = {
  filter: 'FILTER',
  join: 'JOIN',
  group: 'GROUP_BY',
  order: 'SORT',
};

/**
 * Columns that are not known are left out.
 * @param datasetOf the dataset of a node; null for a node without one, such as an ephemeral model
 * @returns no facet if nothing is known
 */
export function columnLineageFacet(lineage: QueryLineage, datasetOf: (id: string) => Dataset | null): Facets {
  const inputFields = (
    columns: readonly { readonly from: SourceColumn; readonly type: string; readonly subtype: string }[],
  ): object[] => {
    const found = new Map<string, { dataset: Dataset; field: string; transformations: object[] }>();
    for (const { from, type, subtype } of columns) {
      const dataset = datasetOf(from.node);
      if (dataset === null || from.column === '*') continue;
      const key = JSON.stringify([from.node, from.column]);
      const { transformations } = found.get(key) ?? { transformations: [] };
      found.set(key, { dataset, field: from.column, transformations: [...transformations, { type, subtype }] });
    }
    return [...found.values()].map(({ dataset: { namespace, name }, ...rest }) => ({ namespace, name, ...rest }));
  };
  const direct = (kind: EdgeKind, from: SourceColumn) => ({ from, type: 'DIRECT', subtype: DIRECT[kind] });
  const indirect = (role: UseRole, from: SourceColumn) => ({ from, type: 'INDIRECT', subtype: INDIRECT[role] });
  const fields = lineage.columns.flatMap(({ column, sources, uses }) => {
    const read = [...sources.map((each) => direct(each.kind, each)), ...uses.map((each) => indirect(each.role, each))];
    const found = column === '*' ? [] : inputFields(read);
    return found.length === 0 ? [] : [[column, { inputFields: found }] as const];
  });
  const dataset = inputFields(lineage.uses.map((each) => indirect(each.role, each)));
  if (fields.length === 0 && dataset.length === 0) return {};
  return {
    columnLineage: { fields: Object.fromEntries(fields), ...(dataset.length === 0 ? {} : { dataset }) },
  };
}
