// Prints tables to the console: loaded seeds and previews of `show`. The run has read the rows.
import type { RunResult } from '../contracts/results.ts';
import { type EventData, fire, print } from '../events/index.ts';
import { jsonOfTable, type LoadedProject, printTable, type RunContext, type Table } from '../index.ts';
import { dumpJson, parseJson, PyDict } from '../values/index.ts';

/** `seed --show`: the first rows of each seed. */
export function showSeeds(ctx: RunContext, results: readonly RunResult[]): void {
  for (const r of results) {
    const table = ctx.tables.get(r.unique_id);
    const node = r.node as { schema?: string; alias?: string } | undefined;
    if (table === undefined || r.status === 'error' || node === undefined) continue;
    const header = `Random sample of table: ${node.schema}.${node.alias}`;
    ctx.log.formatting();
    fire(ctx.logger, 'SeedHeader', { header });
    ctx.log.formatting('-'.repeat(header.length));
    print(ctx.logger, printTable(table, { maxRows: 10, maxColumns: null }).replace(/\n$/, ''));
    ctx.log.formatting();
  }
}

/** `show`: one preview, as a table or as JSON. */
export function showPreview(
  { config, logger }: Pick<LoadedProject, 'config' | 'logger'>,
  node: { name: string; unique_id: string; inline: boolean },
  table: Table,
): void {
  const { flags } = config;
  const json = flags['output'] === 'json';
  const preview = json ? jsonOfTable(table) : printTable(table, { maxRows: null });
  const shown = json
    ? dumpJson(PyDict.from({ ...(node.inline ? {} : { node: node.name }), show: parseJson(preview) }), { indent: 2 })
    : flags.quiet
      ? preview
      : node.inline
        ? `Previewing inline node:\n${preview}`
        : `Previewing node '${node.name}':\n${preview}`;
  const data = (): EventData => ({
    node_name: node.name,
    preview,
    is_inline: node.inline,
    output_format: String(flags['output']),
    unique_id: node.unique_id,
    quiet: flags.quiet,
  });
  fire(logger, 'ShowNode', { msg: shown }, { data });
}
