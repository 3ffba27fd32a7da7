// deps: installs the packages that the project requests. src/project/deps resolves and fetches them.
import { errorOf } from '../../error-table.ts';
import { installPackages } from '../../project/deps/install.ts';
import type { CommandSession } from '../command-session.ts';
import { checkWithin } from '../../project/outside-paths.ts';
import { DEPENDENCIES_FILE, PACKAGES_FILE } from '../../project/packages.ts';
import { loadProjectOnly } from './project-only.ts';

export async function depsCommand(session: CommandSession): Promise<boolean> {
  const { env, templateEnv, flags, logger } = session;
  const add = flags['add_package'] as { name: string; version: string | null } | null;
  const source = String(flags['source']);
  if (add && !add.version && source !== 'local') {
    throw errorOf('packageWithoutVersion', { source });
  }
  const { project, render, vars } = loadProjectOnly(session);
  if (add && flags['allow_outside_paths'] !== true)
    for (const name of [PACKAGES_FILE, DEPENDENCIES_FILE]) checkWithin(name, project.project_root, 'Link');
  await installPackages({
    project,
    render,
    logger,
    env,
    versionCheck: flags['version_check'] !== false,
    scope: { target: null, vars, requireVars: false, env: templateEnv, secrets: true },
    lockOnly: flags['lock'] === true,
    upgrade: flags['upgrade'] === true,
    add: add ? { ...add, source } : null,
  });
  return true;
}
