// The relations that a query reads, as tables of columns.
import type { ParentRelation, Parents } from './column-lineage.ts';
import { type Flow, NOTHING, PLAIN } from './flow.ts';
import { type FlowColumn, FlowTable, type MoreColumns } from './query-scope.ts';

/** Each relation is one table per query, so that its columns are the same objects. */
export function relationTables(parents: Parents): (path: readonly string[]) => FlowTable {
  const tables = new Map<string, FlowTable>();
  return (path) => {
    const key = JSON.stringify(path);
    const parent = parents(key);
    const node = parent?.node ?? path.join('.');
    let table = tables.get(node);
    if (table === undefined) {
      table = relationTable(parent ?? { node, columns: [], completeness: 'unknown' });
      tables.set(node, table);
    }
    return table;
  };
}

function relationTable({ node, columns, completeness }: ParentRelation): FlowTable {
  const flows = new Map<string, Flow>();
  const get = (column: string): Flow => {
    let flow = flows.get(column);
    if (flow === undefined) {
      flow = { ...NOTHING, sources: new Map([[{ node, column }, PLAIN]]) };
      flows.set(column, flow);
    }
    return flow;
  };
  const listed = columns.map((name): FlowColumn => ({ name, flow: get(name) }));
  const unlisted = completeness === 'unknown' ? `the columns of ${node} are not known` : null;
  const more: MoreColumns[] = completeness === 'complete' ? [] : [{ of: node, get, unlisted }];
  return new FlowTable(listed, more, NOTHING, completeness === 'unknown' ? 0 : columns.length);
}
