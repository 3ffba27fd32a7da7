// lineage: prints where the columns of a model come from, and what comes from them, as text, JSON or Mermaid.
import { errorOf } from '../../error-table.ts';
import { note, print } from '../../events/index.ts';
import { columnPlace, columnsOfPlace, policyTags, projectLineage } from '../../index.ts';
import { type ColumnRecord, LineageGraph } from '../../lineage/lineage-graph.ts';
import { inColumns } from '../columns.ts';
import type { CommandSession } from '../command-session.ts';
import { loadAndParse } from './run.ts';

/** @returns true. @throws `usage` for an unknown model or column */
export async function lineageCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, positional } = session;
  const [asked] = positional;
  const { up, down, output } = flags;
  if (asked === undefined) throw errorOf('lineageWithoutModel', {});
  if (up === true && down === true) throw errorOf('lineageBothWays', {});
  const parsed = await loadAndParse(session, { write: false });
  const place = columnPlace(parsed, asked);
  const { node } = place;
  const ids = down === true ? [node, ...parsed.dag.descendants(node)] : [node];
  const lineage = await projectLineage(parsed, ids);
  const graph = new LineageGraph(lineage);
  const tagsOf = policyTags(parsed, lineage);
  const columns = columnsOfPlace(place, graph.columnsOf(node));
  const found =
    up === true
      ? graph.upstream(node, columns)
      : down === true
        ? graph.downstream(node, columns)
        : graph.records(node, columns);
  const records = found.map((record): ColumnRecord => {
    const tags = tagsOf?.(record.node, record.column) ?? [];
    return tags.length === 0 ? record : { ...record, tags };
  });
  if (output === 'json') for (const record of records) print(logger, JSON.stringify(record));
  else if (output === 'mermaid') print(logger, mermaidOf(records).join('\n'));
  else {
    print(logger, textOf(records).join('\n'));
    if (down === true) printUses(session, graph, records);
    const unknown = records.filter(({ status }) => status === 'unknown').length;
    if (unknown > 0) note(logger, `${unknown} of ${records.length} columns are not fully known`, { level: 'warn' });
  }
  return true;
}

/** One block per node: its columns with their sources, then what decides its rows. */
function textOf(records: readonly ColumnRecord[]): string[] {
  const lines: string[] = [];
  for (const [node, own] of byNode(records)) {
    lines.push(node);
    const rows = own.flatMap(({ column, sources, reason, tags }) => {
      const cells = sources.map(({ kind, ...source }) => [kind, `${source.node}.${source.column}`]);
      if (reason !== undefined) cells.push(['unknown', reason.split('\n').join(' ')]);
      const name = tags === undefined ? column : `${column} [${tags.join(', ')}]`;
      return (cells.length === 0 ? [['', '']] : cells).map((each, at) => [at === 0 ? name : '', ...each]);
    });
    lines.push(...inColumns(rows).map((line) => `  ${line}`));
    const uses = new Map(own.flatMap((each) => each.uses).map((use) => [`${use.node}.${use.column} ${use.role}`, use]));
    for (const role of ['filter', 'join', 'group', 'order']) {
      const used = [...uses.values()].filter((use) => use.role === role).map((use) => `${use.node}.${use.column}`);
      if (used.length > 0) lines.push(`  rows: ${role} by ${used.join(', ')}`);
    }
    lines.push('');
  }
  return lines;
}

function byNode(records: readonly ColumnRecord[]): Map<string, ColumnRecord[]> {
  const nodes = new Map<string, ColumnRecord[]>();
  for (const record of records) nodes.set(record.node, [...(nodes.get(record.node) ?? []), record]);
  return nodes;
}

function printUses({ logger }: CommandSession, graph: LineageGraph, records: readonly ColumnRecord[]): void {
  const used = graph.usedBy(records).map(({ node, use }) => `${node}: ${use.role} by ${use.node}.${use.column}`);
  if (used.length > 0) print(logger, ['decides rows of', ...used.map((line) => `  ${line}`)].join('\n'));
}

/** Edges of values only. */
function mermaidOf(records: readonly ColumnRecord[]): string[] {
  const ids = new Map<string, string>();
  const lines: string[] = [];
  const idOf = (node: string, column: string): string => {
    const name = `${node}.${column}`;
    let id = ids.get(name);
    if (id === undefined) {
      id = `c${ids.size}`;
      ids.set(name, id);
      lines.push(`  ${id}["${name.replaceAll('"', '#quot;')}"]`);
    }
    return id;
  };
  for (const { node, column, sources } of records) {
    const to = idOf(node, column);
    for (const { kind, ...source } of sources) lines.push(`  ${idOf(source.node, source.column)} -->|${kind}| ${to}`);
  }
  return ['flowchart LR', ...lines];
}
