// docs generate and docs serve: passes the compiled project and the database to src/docs, which builds and serves the
// page.
import { spawn } from 'node:child_process';
import { generateDocs } from '../../docs/generate.ts';
import { serveDocs } from '../../docs/serve.ts';
import { note } from '../../events/index.ts';
import {
  announce,
  artifactMetadata,
  execute,
  load,
  openOperation,
  type ParsedProject,
  printRunEnd,
  projectLineage,
  type RunContext,
  type Selection,
  select,
  succeeded,
} from '../../index.ts';
import { publicEnvironment } from '../../secrets.ts';
import { type CommandSession, now } from '../command-session.ts';
import { Interrupted } from '../ending.ts';
import { stopReason, unlessAborted, within } from '../../within.ts';
import { allowedHosts, portOf } from '../port.ts';
import { TSDBT_VERSION } from '../version.ts';
import { printSelected } from './compile.ts';
import { chosen, loadAndParse } from './run.ts';

/** @param patience milliseconds within which a cancelled statement must end on the server; absent: a moment */
export async function generateCommand(session: CommandSession, patience?: number): Promise<boolean> {
  const parsed = await loadAndParse(session, { write: false });
  try {
    return await generate(session, parsed, patience);
  } finally {
    await parsed.adapter.close();
  }
}

async function generate(session: CommandSession, parsed: ParsedProject, patience?: number): Promise<boolean> {
  const { flags, logger, signal } = session;
  const { project } = parsed.config;
  const selection = chosen(session, parsed);
  const compiled = flags['compile'] !== false && selection.selected.size > 0;
  const ctx = compiled ? await compileNodes(session, parsed, selection, patience) : announce(parsed, selection);
  if (ctx === null) return false;
  // Compiling has closed its connections; the catalog query opens new ones.
  const { adapter, executeMacro, cancel, release } = await openOperation(parsed, ctx, 'generate_catalog');
  session.onEnd(() => adapter.close());
  try {
    const narrowed = Boolean(flags.select?.length || flags.exclude?.length || flags.selector);
    const work = generateDocs({
      manifest: ctx.manifest,
      projectRoot: project.project_root,
      assetPaths: project.asset_paths,
      allowOutside: flags['allow_outside_paths'] === true,
      targetDir: parsed.targetPath,
      selected: narrowed ? select(parsed, { which: 'list' }).selected : null,
      compiled,
      emptyCatalog: flags['empty_catalog'] === true,
      static: flags['static'] === true,
      lineage: flags['column_lineage'] === true ? () => projectLineage(parsed, parsed.dag.nodes) : null,
      adapter,
      executeMacro,
      metadata: artifactMetadata(parsed.config, 'catalog', 1, now()),
      version: TSDBT_VERSION,
      logger,
      mask: (value) => parsed.secrets.maskValue(value),
    });
    const done = await unlessAborted(signal, work);
    if (done === null) {
      const over = cancel().then(() => work.catch(() => undefined));
      await within(over, patience ?? 0);
      throw new Interrupted();
    }
    return (done.value.errors ?? []).length === 0;
  } finally {
    // After a signal, closing the connection cancels its statement.
    if (!signal.aborted) await release();
    await adapter.close();
  }
}

/** @returns null if a node failed; its error has been reported */
async function compileNodes(
  session: CommandSession,
  parsed: ParsedProject,
  selection: Selection,
  patience: number | undefined,
): Promise<RunContext | null> {
  const { signal } = session;
  const { ctx, results, interrupted } = await execute(parsed, selection, { signal, patience });
  if (!interrupted && succeeded(results)) {
    printSelected(session, ctx, results);
    return ctx;
  }
  printRunEnd(ctx.log, results, interrupted ? stopReason(signal) : null);
  if (interrupted) throw new Interrupted(true);
  return null;
}

export async function serveCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, signal } = session;
  const { config, targetPath } = await load({
    cwd: session.cwd,
    env: session.env,
    templateEnv: session.templateEnv,
    flags,
    invocation: session.invocation,
    logger,
    secrets: session.secrets,
    now,
    pid: process.pid,
  });
  const { url, close } = await serveDocs({
    targetDir: targetPath,
    host: String(flags['host'] ?? '127.0.0.1'),
    names: allowedHosts(flags['allowed_hosts']),
    port: portOf(flags['port'] ?? 8080),
    assetPaths: config.project.asset_paths,
    version: TSDBT_VERSION,
  });
  note(logger, `Serving docs at ${url}\nPress Ctrl+C to exit.`);
  if (flags['browser'] !== false) openBrowser(url);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
  await close();
  return true;
}

/** Best effort: without a browser the server still runs. */
function openBrowser(url: string): void {
  const command = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  const child = spawn(command, [url], { stdio: 'ignore', detached: true, env: publicEnvironment(process.env) });
  child.on('error', () => undefined);
  child.unref();
}
