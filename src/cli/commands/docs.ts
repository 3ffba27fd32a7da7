// docs generate and docs serve: the documentation is docs/'s; this file gives it the compiled project and the database.
import { spawn } from 'node:child_process';
import { openScope } from '../../compiler/node-scope.ts';
import { generateDocs } from '../../docs/generate.ts';
import { serveDocs } from '../../docs/serve.ts';
import { createRunContext, load, openAdapter, reportCounts, run, select, write, writeSummary } from '../../index.ts';
import { artifactMetadata } from '../../runner/metadata.ts';
import { openSession } from '../../runner/open-session.ts';
import { operationNode } from '../../runner/operation-node.ts';
import { printRunEnd, succeeded } from '../../runner/summary.ts';
import { publicEnvironment } from '../../secrets.ts';
import { type CommandSession, now } from '../command-session.ts';
import { Interrupted, unlessStopped } from '../ending.ts';
import { TSDBT_VERSION } from '../version.ts';
import { chosen, loadAndParse } from './run.ts';

export async function generateCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, signal } = session;
  const parsed = await loadAndParse(session, { write: false });
  const { config, targetPath } = parsed;
  const selection = chosen(session, parsed);
  let ctx = createRunContext(parsed, selection.selected);
  reportCounts(parsed, ctx.log);
  if (flags.write_json) writeSummary(parsed);
  const compiled = flags['compile'] !== false && selection.selected.size > 0;
  if (compiled) {
    const outcome = await run(parsed, { selected: selection.selected, signal }, { ctx });
    ctx = outcome.ctx;
    write(parsed, ctx, outcome.results, outcome.elapsed);
    if (outcome.interrupted || !succeeded(outcome.results)) {
      printRunEnd(ctx.log, outcome.results, outcome.interrupted);
      if (outcome.interrupted) throw new Interrupted(true);
      return false;
    }
  }
  // Compiling has closed its connections; the catalogue is asked for on new ones.
  const adapter = await openAdapter(config, session.env, logger);
  session.onStop(() => adapter.close());
  const withDatabase = { ...ctx, adapter, scopes: { ...ctx.scopes, context: { ...ctx.scopes.context, adapter } } };
  const database = openSession(withDatabase, 'generate_catalog', operationNode(config, 'generate_catalog'));
  try {
    const scope = openScope(withDatabase, operationNode(config, 'generate_catalog'), database, { operation: true });
    const narrowed = Boolean(
      (flags['select'] as string[] | undefined)?.length ||
        (flags['exclude'] as string[] | undefined)?.length ||
        flags['selector'],
    );
    const selectedForCatalog = narrowed ? select(parsed, { which: 'list' }).selected : null;
    const catalog = await unlessStopped(
      signal,
      generateDocs({
        manifest: ctx.manifest,
        projectRoot: config.project.project_root,
        assetPaths: config.project.asset_paths,
        targetDir: targetPath,
        selected: selectedForCatalog,
        compiled,
        emptyCatalog: flags['empty_catalog'] === true,
        static: flags['static'] === true,
        adapter,
        executeMacro: (name, args, kwargs) => scope.callNamed(name, args, kwargs),
        metadata: artifactMetadata(config, 'catalog', 1, now()),
        version: TSDBT_VERSION,
        logger,
        mask: (value) => parsed.secrets.maskValue(value),
      }),
    );
    return (catalog.errors ?? []).length === 0;
  } finally {
    // What runs after a signal is ended with its connection.
    if (!signal.aborted) await database.release();
    await adapter.close();
  }
}

export async function serveCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, signal } = session;
  const { config, targetPath } = await load({
    cwd: session.cwd,
    env: session.env,
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
    port: Number(flags['port'] ?? 8080),
    assetPaths: config.project.asset_paths,
    version: TSDBT_VERSION,
  });
  const msg = `Serving docs at ${url}\nPress Ctrl+C to exit.`;
  logger.fire({ name: 'Note', code: 'Z050', level: 'info', msg, data: { msg } });
  if (flags['browser'] !== false) openBrowser(url);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
  await close();
  return true;
}

/** Best effort: a machine without a browser still serves. */
function openBrowser(url: string): void {
  const command = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  const child = spawn(command, [url], { stdio: 'ignore', detached: true, env: publicEnvironment(process.env) });
  child.on('error', () => undefined);
  child.unref();
}
