// Reads jobs.yml, in the project or next to profiles.yml, and renders it like profiles.yml. src/serve/jobs/ validates
// it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeConfig } from '../contracts/project.ts';
import { namedFiles } from '../connections/named-files.ts';
import { errorOf } from '../error-table.ts';
import { checkWithin, folderOfNamedFiles } from '../project/outside-paths.ts';
import { targetDictionary } from '../project/profile.ts';
import { readFileText } from '../project/read-file.ts';
import { renderFrom, renderTree } from '../project/renderer.ts';
import { createYamlRenderer } from '../project/yaml-renderer.ts';
import type { JobFile } from '../serve/jobs/job.ts';
import { JOBS_FILE, readJobs } from '../serve/jobs/read-jobs.ts';
import { type CommandSession, now } from './command-session.ts';

/**
 * Returns the jobs of the project, with secrets inserted and registered for masking.
 * @param alerts as in `findJobFile`
 * @throws `project` error
 */
export function readJobFile(session: CommandSession, config: RuntimeConfig, alerts = true): JobFile {
  const found = findJobFile(session, config, alerts);
  if (found === null) throw errorOf('noJobsFile', { path: join(config.project.project_root, JOBS_FILE) });
  return found;
}

/**
 * The same; null if the file does not exist.
 * @param alerts false: ignores `alerts`, for a command that sends nothing and needs no secrets
 */
export function findJobFile(session: CommandSession, config: RuntimeConfig, alerts = true): JobFile | null {
  const root = config.project.project_root;
  const places = [root, config.profile.profiles_dir ?? root].map((folder) => join(folder, JOBS_FILE));
  const path = places.find(existsSync);
  if (path === undefined) return null;
  const folder = folderOfNamedFiles(path, config);
  if (folder !== null) checkWithin(path, folder, 'Link');
  const { templateEnv: env, logger, invocation } = session;
  const render = renderFrom(path, createYamlRenderer({ env, logger, invocation, now }));
  const scope = { target: targetDictionary(config.profile), vars: config.cli_vars, requireVars: true, env };
  return readJobs({
    path,
    text: readFileText(path),
    render: (value, secrets) => renderTree(value, { ...scope, secrets }, render),
    alerts,
    onSecret: (text) => session.secrets.add(text),
    file: namedFiles(path, folder),
  });
}
