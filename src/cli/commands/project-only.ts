// The root project without a profile, for commands that need no database.
import { createTemplateEnvironments } from '../../context/templates.ts';
import { createFileRenderer } from '../../context/yaml-scope.ts';
import type { Json } from '../../contracts/node.ts';
import type { Project } from '../../contracts/project.ts';
import type { RenderYamlText } from '../../project/renderer.ts';
import { loadRootProject } from '../../project/runtime-config.ts';
import { loadYaml } from '../../project/yaml.ts';
import { type CommandSession, now } from '../command-session.ts';

export interface ProjectOnly {
  readonly project: Project;
  readonly render: RenderYamlText;
  readonly vars: { readonly [name: string]: Json };
}

/** Reads dbt_project.yml of the command's project. */
export function loadProjectOnly(session: CommandSession): ProjectOnly {
  const { env, flags, invocation, logger, projectDir } = session;
  const render = createFileRenderer(
    { env, logger, flags: null, invocation, loadYaml: (text) => loadYaml(text, null, { dates: true }), clock: now },
    createTemplateEnvironments(),
  );
  const vars = (flags['vars'] ?? {}) as { readonly [name: string]: Json };
  return { project: loadRootProject({ projectDir, profile: null, vars, flags, env, render, logger }), render, vars };
}
