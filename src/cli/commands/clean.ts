// clean: deletes the folders in clean-targets. src/project/clean.ts decides which may be deleted.
import { cleanProject } from '../../project/clean.ts';
import type { CommandSession } from '../command-session.ts';
import { loadProjectOnly } from './project-only.ts';

export async function cleanCommand(session: CommandSession): Promise<boolean> {
  const { project } = loadProjectOnly(session);
  cleanProject(project, session.flags['clean_project_files_only'] !== false, session.logger);
  return true;
}
