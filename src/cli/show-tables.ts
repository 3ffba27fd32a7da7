// Tables on the console: seeds that were loaded, previews of `show`. What is in them was read by the run.
import type { RunResult } from '../contracts/results.ts';
import { jsonOfTable, type LoadedProject, printTable, type RunContext, type Table } from '../index.ts';

/** `seed --show`: the first rows of each seed. */
export function showSeeds(ctx: RunContext, results: readonly RunResult[]): void {
  for (const r of results) {
    const table = ctx.tables.get(r.unique_id);
    const node = r.node as { schema?: string; alias?: string } | undefined;
    if (table === undefined || r.status === 'error' || node === undefined) continue;
    const header = `Random sample of table: ${node.schema}.${node.alias}`;
    ctx.log.formatting();
    ctx.logger.fire({ name: 'SeedHeader', code: 'Q004', level: 'info', msg: header, data: { header } });
    ctx.log.formatting('-'.repeat(header.length));
    printText(ctx, printTable(table, { maxRows: 10, maxColumns: null }));
    ctx.log.formatting();
  }
}

function printText(ctx: RunContext, text: string): void {
  const msg = text.replace(/\n$/, '');
  ctx.logger.fire({ name: 'PrintEvent', code: 'Z052', level: 'info', msg, data: { msg } });
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
    ? JSON.stringify(
        node.inline
          ? { show: JSON.parse(preview) as unknown }
          : { node: node.name, show: JSON.parse(preview) as unknown },
        null,
        2,
      )
    : flags.quiet
      ? preview
      : node.inline
        ? `Previewing inline node:\n${preview}`
        : `Previewing node '${node.name}':\n${preview}`;
  logger.fire({
    name: 'ShowNode',
    code: 'Q041',
    level: 'info',
    msg: shown,
    data: {
      node_name: node.name,
      preview,
      is_inline: node.inline,
      output_format: String(flags['output']),
      unique_id: node.unique_id,
      quiet: flags.quiet,
    },
  });
}
