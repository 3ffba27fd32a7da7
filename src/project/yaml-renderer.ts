// Renders texts of the project's own YAML files with the facts of the command.
import { createTemplateEnvironments, type TemplateEnvironments } from '../context/templates.ts';
import { createFileRenderer } from '../context/yaml-scope.ts';
import type { Invocation } from '../contracts/project.ts';
import type { Logger } from '../log.ts';
import type { RenderYamlText } from './renderer.ts';
import { loadYaml } from './yaml.ts';

interface RenderingCommand {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly invocation: Invocation;
  /** Milliseconds since 1970, with a fraction. */
  readonly now: () => number;
}

/** @param templates shared with the rest of the command; default: new ones */
export function createYamlRenderer(
  { env, logger, invocation, now }: RenderingCommand,
  templates: TemplateEnvironments = createTemplateEnvironments(),
): RenderYamlText {
  return createFileRenderer(
    { env, logger, flags: null, invocation, loadYaml: (text) => loadYaml(text, null, { dates: true }), clock: now },
    templates,
  );
}
