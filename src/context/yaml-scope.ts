// What the project's own YAML sees: dbt_project.yml, selectors.yml (with a target), profiles.yml, packages.yml (with
// secrets behind placeholders). Renders one text natively. Leaves which keys are rendered to the readers of the files.
import type { Json } from '../contracts/node.ts';
import { fromJson, type HostObject, PyDict, toJson, Undefined, type Value } from '../values/index.ts';
import { BASE_MEMBERS, BaseScope, type ScopeSettings } from './base.ts';
import { createEnvVar, type Environment, fillSecrets } from './env-var.ts';
import type { Member, Members } from './scope.ts';
import type { TemplateEnvironments } from './templates.ts';

/** The surroundings of dbt_project.yml, profiles.yml, packages.yml and selectors.yml. */
export interface FileSurroundings {
  /** `target`; null where there is no profile (deps, clean). Files with secrets know no target. */
  readonly target: { readonly [key: string]: Json } | null;
  readonly vars: { readonly [name: string]: Json };
  readonly requireVars: boolean;
  readonly env: Environment;
  /** Whether env_var may name secrets here (profiles.yml, packages.yml). */
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

/** Renders one text of such a file natively; secrets replace their placeholders last. */
export type RenderFileText = (text: string, surroundings: FileSurroundings) => Json;

/**
 * @param settings of the command, as far as they are known before the project is read
 * @example
 * const render = createFileRenderer(settings, createTemplateEnvironments());
 * render("{{ env_var('HOST') }}", { target: null, vars: {}, requireVars: true, env: { HOST: 'db' }, secrets: true }) //
 * 'db'
 */
export function createFileRenderer(settings: ScopeSettings, templates: TemplateEnvironments): RenderFileText {
  // All texts of a file share their surroundings, hence one scope.
  const scopes = new WeakMap<FileSurroundings, FileScope>();
  return (text, surroundings) => {
    let scope = scopes.get(surroundings);
    if (scope === undefined) scopes.set(surroundings, (scope = new FileScope(settings, surroundings)));
    const value = nativeJson(templates.runtime.compile(text, { name: '<template>' }).renderNativeSync(scope));
    return surroundings.secrets && typeof value === 'string' ? fillSecrets(value, surroundings.env) : value;
  };
}

/** The value of a native rendering as YAML holds it. */
function nativeJson(value: Value): Json {
  return value instanceof Undefined ? '' : (toJson(value, true) as Json);
}

/** Where there is no profile every look-up in `target` gives an empty text. */
function noTarget(): HostObject {
  return {
    jinjaType: 'DictDefaultEmptyStr',
    jinjaGet: (name) => new PyDict().jinjaGet(name) ?? '',
    jinjaItem: () => '',
    jinjaTruth: () => false,
    jinjaText: () => '{}',
  };
}
