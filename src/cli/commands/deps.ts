// deps: installs the packages that the project requests. src/project/deps resolves and fetches them.
import { errorOf } from '../../error-table.ts';
import { installPackages } from '../../project/deps/install.ts';
import type { CommandSession } from '../command-session.ts';
import { loadProjectOnly } from './project-only.ts';

export async function depsCommand(session: CommandSession): Promise<boolean> {
  const { env, flags, logger } = session;
  const add = flags['add_package'] as { name: string; version: string | null } | null;
  const source = String(flags['source']);
  if (add && !add.version && source !== 'local') {
    throw errorOf('packageWithoutVersion', { source });
  }
  const { project, render, vars } = loadProjectOnly(session);
  await installPackages({
    project,
    render,
    logger,
    versionCheck: flags['version_check'] !== false,
    scope: { target: null, vars, requireVars: false, env, secrets: true },
    lockOnly: flags['lock'] === true,
    upgrade: flags['upgrade'] === true,
    add: add ? { ...add, source } : null,
  });
  return true;
}
