// Loads the root project without a profile, for commands that need no database.
import type { Json } from '../../contracts/node.ts';
import type { Project } from '../../contracts/project.ts';
import type { RenderYamlText } from '../../project/renderer.ts';
import { loadRootProject } from '../../project/runtime-config.ts';
import { createYamlRenderer } from '../../project/yaml-renderer.ts';
import { type CommandSession, now } from '../command-session.ts';

export interface ProjectOnly {
  readonly project: Project;
  readonly render: RenderYamlText;
  readonly vars: { readonly [name: string]: Json };
}

/** Reads dbt_project.yml of the command's project. */
export function loadProjectOnly(session: CommandSession): ProjectOnly {
  const { templateEnv: env, flags, invocation, logger, projectDir } = session;
  const render = createYamlRenderer({ env, logger, invocation, now });
  const vars = flags.vars ?? {};
  return { project: loadRootProject({ projectDir, profile: null, vars, flags, env, render, logger }), render, vars };
}
