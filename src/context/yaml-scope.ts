// The context of the project's own YAML files: dbt_project.yml, selectors.yml (with a target), profiles.yml and
// packages.yml (with placeholders for secrets). Renders single texts natively; the readers of the files decide which
// keys are rendered.
import type { Json } from '../contracts/node.ts';
import { fromJson, type HostObject, PyDict, toJson, Undefined, type Value } from '../values/index.ts';
import { BASE_MEMBERS, BaseScope, type ScopeSettings } from './base.ts';
import { createEnvVar, type Environment, fillSecrets } from './env-var.ts';
import type { Member, Members } from './scope.ts';
import type { TemplateEnvironments } from './templates.ts';

/** Inputs for rendering dbt_project.yml, profiles.yml, packages.yml and selectors.yml. */
export interface FileSurroundings {
  /** `target`; null if there is no profile (deps, clean). Files that can contain secrets have no target. */
  readonly target: { readonly [key: string]: Json } | null;
  readonly vars: { readonly [name: string]: Json };
  readonly requireVars: boolean;
  readonly env: Environment;
  /** Whether env_var can read secrets here (profiles.yml, packages.yml). */
  readonly secrets: boolean;
}

class FileScope extends BaseScope {
  readonly surroundings: FileSurroundings;

  constructor(settings: ScopeSettings, surroundings: FileSurroundings) {
    super(
      settings,
      [surroundings.vars],
      surroundings.requireVars,
      surroundings.secrets ? FILE_MEMBERS : TARGET_MEMBERS,
    );
    this.surroundings = surroundings;
  }
}

const FILE_MEMBERS: Members<FileScope> = new Map<string, Member<FileScope>>([
  ...BASE_MEMBERS,
  [
    'env_var',
    ({ settings, surroundings }) =>
      createEnvVar(surroundings.env, { record: settings.recordEnvVar, secrets: surroundings.secrets }),
  ],
]);
const TARGET_MEMBERS: Members<FileScope> = new Map<string, Member<FileScope>>([
  ...FILE_MEMBERS,
  ['target', ({ surroundings }) => (surroundings.target === null ? noTarget() : fromJson(surroundings.target))],
]);

/** Renders one text of such a file natively. Placeholders are replaced by secrets last. */
export type RenderFileText = (text: string, surroundings: FileSurroundings) => Json;

/**
 * @param settings of the command, as far as they are known before the project is read
 * @example
 * const render = createFileRenderer(settings, createTemplateEnvironments());
 * render("{{ env_var('HOST') }}", { target: null, vars: {}, requireVars: true, env: { HOST: 'db' }, secrets: true });
 * // 'db'
 */
export function createFileRenderer(settings: ScopeSettings, templates: TemplateEnvironments): RenderFileText {
  // All texts of a file share one scope, because they have the same inputs.
  const scopes = new WeakMap<FileSurroundings, FileScope>();
  return (text, surroundings) => {
    let scope = scopes.get(surroundings);
    if (scope === undefined) scopes.set(surroundings, (scope = new FileScope(settings, surroundings)));
    const value = nativeJson(templates.runtime.compile(text, { name: '<template>' }).renderNativeSync(scope));
    return surroundings.secrets && typeof value === 'string' ? fillSecrets(value, surroundings.env) : value;
  };
}

/** Converts the value of a native rendering to YAML's value. */
function nativeJson(value: Value): Json {
  return value instanceof Undefined ? '' : (toJson(value, true) as Json);
}

/** Without a profile every lookup in `target` returns empty text. */
function noTarget(): HostObject {
  return {
    jinjaType: 'DictDefaultEmptyStr',
    jinjaGet: (name) => new PyDict().jinjaGet(name) ?? '',
    jinjaItem: () => '',
    jinjaTruth: () => false,
    jinjaText: () => '{}',
  };
}
