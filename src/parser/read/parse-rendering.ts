// Renders templates while parsing, with the parsing contexts, and records their calls. Code with only literal ref(),
// source() and config() is read statically. src/context defines the names of templates.
import type { Adapter } from '../../adapters/adapter.ts';
import { VisibleMacroLookup } from '../../context/visible-macros.ts';
import { BASE_MEMBERS, BaseScope } from '../../context/base.ts';
import { createMacroResolver, type MacroResolver } from '../../context/macro-resolver.ts';
import {
  createGenericTestScope,
  createParseScope,
  createReferenceScope,
  type ParseRecorder,
  type ParseScope,
} from '../../context/parse.ts';
import type { EnvVarRecorder } from '../../context/env-var.ts';
import type { CommandRecorder } from '../../context/flags-object.ts';
import { type ContextNode, type ContextSettings, targetDict } from '../../context/provider.ts';
import { repeatableNames, YAML_NAMES } from '../../context/repeatable.ts';
import type { Member, Members } from '../../context/scope.ts';
import { createTemplateEnvironments, hasJinja, lineOf } from '../../context/templates.ts';
import { varLayers } from '../../context/var.ts';
import type { Json, MacroNode, RefArgs } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { type Ast, unrenderedConfig } from '../../jinja/index.ts';
import { loadYaml } from '../../project/yaml.ts';
import { callable, fromJson, PyDict, PyTuple, toJson, type Value } from '../../values/index.ts';
import type { NodeLayers } from '../config/relation-names.ts';
import type { InertMacros } from '../shortcuts/inert-macros.ts';
import { packagesToSearch } from '../table/lookups.ts';
import { TEXT_KEYS } from '../config/config-fields.ts';
import { type ConfigDict, mergeConfigCall } from '../config/node-config.ts';
import type { ParseState } from '../table/parse-state.ts';
import { newCalls, type NodeCalls } from '../table/node-calls.ts';
import type { PatchedTest } from '../table/phases.ts';
import type { DocsBlockOf, Expressed, NamedReferences, RenderedNode, Rendering } from '../table/rendering.ts';
import { NameMacros } from './name-macros.ts';
import {
  readPythonModel,
  readStaticModel,
  type StaticCall,
  type StaticModel,
  sourceTexts,
} from '../shortcuts/static-models.ts';
import { LOOKS_LIKE_CALL } from '../../context/test-arguments.ts';

/**
 * Creates the rendering of one parse.
 * @returns also the inputs that templates read: environment variables, and the parts of the command that on-run hooks
 * read; those of other templates are in `state.command`
 */
export function createParseRendering(
  state: ParseState,
  adapter: Pick<Adapter, 'type' | 'createRelation' | 'relations' | 'connectionInfo'>,
  macros: ReadonlyMap<string, MacroNode>,
  inert: InertMacros,
): { rendering: Rendering; envVars: Map<string, string>; hookCommand: Set<string> } {
  const envVars = new Map<string, string>();
  const hookCommand = new Set<string>();
  const recorders = {
    envVar: (name: string, value: string) => void envVars.set(name, value),
    command: (part: string) => void state.command.add(part),
    hookCommand: (part: string) => void hookCommand.add(part),
  };
  return { rendering: new ParseRendering(state, adapter, macros, inert, recorders), envVars, hookCommand };
}

interface Recorders {
  readonly envVar: EnvVarRecorder;
  readonly command: CommandRecorder;
  readonly hookCommand: CommandRecorder;
}

class ParseRendering implements Rendering {
  readonly #state: ParseState;
  readonly #context: ContextSettings;
  readonly #hookContext: ContextSettings;
  /** Used for trial renderings: records nothing and does not warn. */
  readonly #trialContext: ContextSettings;
  readonly #macros: ReadonlyMap<string, MacroNode>;
  readonly #inert: InertMacros;
  /** By package: the context of YAML texts, and results that never change. */
  readonly #yamlTexts = new Map<string, { readonly scope: BaseScope; readonly known: Map<string, Json> }>();
  /** Hooks are rendered in the scope of their node's code, as in dbt. */
  readonly #scopes = new Map<NodeCalls, ParseScope>();
  #resolverOrNull: MacroResolver | null = null;
  #visibleOrNull: VisibleMacroLookup | null = null;
  /**
   * Whether a call of an inert macro renders without an error: by text and package, and by node if the macro reads it.
   */
  readonly #tried = new Map<string, boolean>();
  #names: NameMacros | null = null;
  #overridden: ReadonlySet<string> | null = null;
  /** Syntax tree of the code being rendered. */
  #code: Ast.TemplateNode | null = null;

  constructor(
    state: ParseState,
    adapter: Pick<Adapter, 'type' | 'createRelation' | 'relations' | 'connectionInfo'>,
    macros: ReadonlyMap<string, MacroNode>,
    inert: InertMacros,
    recorders: Recorders,
  ) {
    const { config, logger } = state;
    const { started_at, started_micros = 0 } = config.invocation;
    const started = started_at.getTime() + started_micros / 1000;
    this.#state = state;
    this.#macros = macros;
    this.#inert = inert;
    this.#context = {
      env: config.env,
      logger,
      flags: config.flags,
      invocation: config.invocation,
      loadYaml: (text) => loadYaml(text, null, { dates: true }),
      recordEnvVar: recorders.envVar,
      recordCommand: recorders.command,
      clock: () => started,
      config,
      // The whole adapter, because templates may use `api.Column` and similar during parsing.
      adapter,
      templates: createTemplateEnvironments(),
      texts: new Map(),
      warn: (event) => state.warnings.report(event),
    };
    this.#hookContext = { ...this.#context, recordCommand: recorders.hookCommand };
    const nothing = (): void => undefined;
    this.#trialContext = { ...this.#context, recordEnvVar: nothing, recordCommand: nothing, warn: nothing };
  }

  get #resolver(): MacroResolver {
    this.#resolverOrNull ??= createMacroResolver(
      this.#macros.values(),
      {
        rootPackage: this.#state.root.project_name,
        internalPackages: this.#state.internalPackages,
        adapterTypes: [this.#state.adapter.type],
        dispatch: this.#state.root.dispatch,
        packages: this.#state.projects.keys(),
        environment: this.#context.templates.runtime,
      },
      (macro) => this.#lineOf(macro, macro.macro_sql),
    );
    return this.#resolverOrNull;
  }

  /** The line of the file on which a resource's code begins. */
  #lineOf(
    resource: { readonly package_name: string; readonly original_file_path: string },
    code: string,
  ): number | undefined {
    const file = this.#state.files.get(`${resource.package_name}://${resource.original_file_path}`);
    const line = lineOf(file?.contents, code);
    return line === undefined ? undefined : line + (file?.first_line ?? 1) - 1;
  }

  yaml(text: string, packageName: string): Json {
    if (!hasJinja(text)) return withoutLastNewline(text);
    let yaml = this.#yamlTexts.get(packageName);
    if (yaml === undefined)
      this.#yamlTexts.set(packageName, (yaml = { scope: this.#yamlScope(packageName), known: new Map() }));
    const known = yaml.known.get(text);
    if (known !== undefined) return known;
    const template = this.#context.templates.runtime.compile(text, { name: '<template>' });
    // Like #recordConfig: dbt's partial parse stores null for an undefined value.
    const missing = this.#state.config.flags.partial_parse ? null : '';
    const value = toJson(template.renderNativeSync(yaml.scope), true, missing) as Json;
    // Copies a list or dict for each recipient, because it may modify it.
    if (typeof value !== 'object' && repeatableNames(template.ast.body, YAML_NAMES) !== null)
      yaml.known.set(text, value);
    return value;
  }

  #yamlScope(packageName: string, more: Members<BaseScope> = new Map()): BaseScope {
    const { config } = this.#state;
    const dependency =
      packageName === config.project.project_name
        ? undefined
        : config.packages.find((each) => each.project_name === packageName);
    const members: Members<BaseScope> = new Map<string, Member<BaseScope>>([
      ...BASE_MEMBERS,
      ['target', () => targetDict(config, this.#context.adapter)],
      ['project_name', () => config.project.project_name],
      ...more,
    ]);
    return new BaseScope(
      this.#context,
      varLayers(config.cli_vars, config.project, packageName, dependency),
      true,
      members,
    );
  }

  node(node: RenderedNode, calls: NodeCalls): void {
    const code = node.raw_code;
    if (node.resource_type === 'model') this.#state.clock.models++;
    // Functions in any language are templates.
    if (languageOf(node) === 'python' && node.resource_type === 'model') {
      if (hasJinja(code)) throw errorOf('jinjaInPython', {}, { node });
      takeStatic(node, readPythonModel(code), calls);
      return;
    }
    const asDbt = node.resource_type === 'model' && this.#state.config.flags['static_parser'] !== false;
    const fixed =
      this.#overridesBuiltins(node.package_name) || this.#inert.readsSpeakingVar(code)
        ? null
        : readStaticModel(code, (call) => this.#withoutEffect(node, call), asDbt);
    if (fixed !== null) {
      if (node.resource_type === 'model') this.#state.clock.staticModels++;
      takeStatic(node, fixed, calls);
      return;
    }
    const scope = this.#scopeOf(node, calls);
    const lines = (): number | undefined => this.#lineOf(node, code);
    const template = this.#context.templates.parse.compile(code, {
      name: node.name,
      path: node.original_file_path,
      type: node.resource_type,
      get line() {
        return lines();
      },
    });
    this.#code = writesConfig(code) ? template.ast : null;
    template.renderSync(scope);
  }

  /**
   * Returns the id of the called inert macro; null if there is none, or if the call fails: the node's rendering then
   * fails as well.
   */
  #withoutEffect(node: RenderedNode, call: StaticCall): string | null {
    const id = this.#inert.idOf(node.package_name, call);
    if (id === null) return null;
    const key = `${call.text} ${this.#inert.readsNode(id) ? node.unique_id : node.package_name}`;
    let renders = this.#tried.get(key);
    if (renders === undefined) this.#tried.set(key, (renders = this.#renders(node, `{{ ${call.text} }}`)));
    return renders ? id : null;
  }

  #renders(node: RenderedNode, code: string): boolean {
    const scope = this.#newScope(node, newCalls(), this.#trialContext);
    try {
      this.#context.templates.parse.compile(code, { name: node.name }).renderSync(scope);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether a user's macro overrides ref, source or config. */
  #overridesBuiltins(packageName: string): boolean {
    this.#overridden ??= new Set(
      [...this.#macros.values()]
        .filter(
          (macro) =>
            (macro.name === 'ref' || macro.name === 'source' || macro.name === 'config') &&
            !this.#state.internalPackages.includes(macro.package_name),
        )
        .map((macro) => macro.package_name),
    );
    return (
      this.#overridden.size > 0 &&
      (this.#overridden.has(packageName) || this.#overridden.has(this.#state.root.project_name))
    );
  }

  hook(node: RenderedNode, sql: string, calls: NodeCalls): void {
    if (!hasJinja(sql)) return;
    this.#context.templates.parse
      .compile(sql, { name: node.name, path: node.original_file_path, type: node.resource_type })
      .renderSync(this.#scopeOf(node, calls));
  }

  #scopeOf(node: RenderedNode, calls: NodeCalls): ParseScope {
    let scope = this.#scopes.get(calls);
    if (scope === undefined) {
      const context = node.resource_type === 'operation' ? this.#hookContext : this.#context;
      this.#scopes.set(calls, (scope = this.#newScope(node, calls, context)));
    }
    return scope;
  }

  #newScope(node: RenderedNode, calls: NodeCalls, context: ContextSettings): ParseScope {
    return createParseScope({
      context,
      resolver: this.#resolver,
      node: node as unknown as ContextNode,
      record: this.#recorder(node, calls),
    });
  }

  #recorder(node: RenderedNode, calls: NodeCalls): ParseRecorder {
    const { macros } = calls;
    const onMacro = (id: string): void => {
      if (!macros.includes(id)) macros.push(id);
    };
    return {
      ...(node.resource_type === 'seed' ? refusingReferences(node) : collectingReferences(calls)),
      onMacro,
      onConfig: (options) => this.#recordConfig(options, calls),
      onOwnText: () => this.#state.textReaders.add(node.unique_id),
    };
  }

  #recordConfig(options: { readonly [key: string]: Value }, calls: NodeCalls): void {
    const config: ConfigDict = {};
    for (const key of Object.keys(options)) {
      // dbt's partial parse cannot store undefined and writes None, except for text keys. Without partial parsing, all
      // become empty texts.
      const missing = this.#state.config.flags.partial_parse && !TEXT_KEYS.has(key) ? null : '';
      config[key] = toJson(options[key] as Value, true, missing);
    }
    mergeConfigCall(calls.config, config);
    if (this.#code !== null && Object.keys(calls.unrendered).length === 0)
      Object.assign(calls.unrendered, Object.fromEntries(unrenderedConfig(this.#code.body) ?? []));
  }

  genericTest(node: PatchedTest, calls: NodeCalls | null): void {
    if (node.test_metadata === undefined) return;
    const scope = createGenericTestScope({
      context: calls === null ? this.#trialContext : this.#context,
      resolver: this.#resolver,
      node: node as unknown as ContextNode,
      record: this.#recorder(node, calls ?? newCalls()),
      visible: (this.#visibleOrNull ??= new VisibleMacroLookup(this.#resolver)).of(node.depends_on.macros),
    });
    const kwargs = new PyDict();
    for (const [key, value] of Object.entries(node.test_metadata.kwargs))
      kwargs.set(key, key === 'column_name' ? fromJson(value) : this.#renderArgument(value, scope, node));
    scope.define('_dbt_generic_test_kwargs', kwargs);
    const template = this.#context.templates.parse.compile(node.raw_code, {
      name: node.name,
      path: node.original_file_path,
      type: 'test',
    });
    this.#code = template.ast;
    template.renderSync(scope);
  }

  #renderArgument(value: Json, scope: ParseScope, node: RenderedNode): Value {
    if (typeof value === 'string') {
      const text = LOOKS_LIKE_CALL.test(value) ? `{{ ${value} }}` : value;
      if (!hasJinja(text)) return withoutLastNewline(text);
      return this.#context.templates.parse
        .compile(text, { name: node.name, path: node.original_file_path, type: 'test' })
        .renderNativeSync(scope);
    }
    if (Array.isArray(value)) return value.map((item) => this.#renderArgument(item, scope, node));
    if (typeof value !== 'object' || value === null || 'jinjaType' in value) return fromJson(value);
    const out = new PyDict();
    for (const [key, item] of Object.entries(value)) out.set(key, this.#renderArgument(item, scope, node));
    return out;
  }

  generateName(macro: MacroNode, custom: unknown, node: NodeLayers): string | null {
    this.#names ??= new NameMacros(this.#context, this.#resolver, this.#state.textReaders);
    return this.#names.generate(macro, custom, node);
  }

  description(text: string, owner: Parameters<Rendering['description']>[1], docs: DocsBlockOf): string {
    const state = this.#state;
    const doc = callable('doc', '*args', (args) => {
      const given = args instanceof PyTuple ? args.items : [];
      if (given.length < 1 || given.length > 2) throw errorOf('docTakesTwo', { given: given.length });
      const target = String(given[given.length - 1]);
      const targetPackage = given.length === 2 ? String(given[0]) : null;
      for (const each of packagesToSearch(
        state.root.project_name,
        owner.package_name,
        targetPackage,
        state.flag('require_ref_searches_node_package_before_root', false),
      )) {
        const found = docs(target, each);
        if (found !== undefined) return found;
      }
      throw errorOf('docMissing', {
        node: owner.unique_id,
        doc: target,
        where: targetPackage === null ? '' : `in package '${targetPackage}' `,
      });
    });
    const scope = this.#yamlScope(state.root.project_name, new Map<string, Member<BaseScope>>([['doc', () => doc]]));
    return this.#context.templates.runtime
      .compile(text, { name: owner.name, path: owner.original_file_path })
      .renderSync(scope);
  }

  docsBlock(text: string, path: string): string {
    return this.#context.templates.runtime.compile(text, { name: path, path }).renderSync({ get: () => undefined });
  }

  exposure(owner: Expressed, expressions: readonly string[]): NamedReferences {
    const named: NamedReferences = { refs: [], sources: [], metrics: [] };
    const scope = createReferenceScope(this.#context, {
      onRef: (ref) => named.refs.push(ref),
      onSource: (source) => named.sources.push(source),
      onMetric: (metric) => named.metrics.push(metric),
    });
    const text = expressions.map((expression) => `{{ ${expression}}}`).join('\n');
    this.#context.templates.parse.compile(text, { name: owner.name, path: owner.original_file_path }).renderSync(scope);
    return named;
  }

  semanticModel(owner: Expressed, expression: string): RefArgs[] {
    const refs: RefArgs[] = [];
    const scope = createReferenceScope(this.#context, { onRef: (ref) => refs.push(ref) });
    this.#context.templates.runtime
      .compile(`{{ ${expression} }}`, { name: owner.name, path: owner.original_file_path })
      .renderSync(scope);
    return refs;
  }
}

type References = Pick<ParseRecorder, 'onRef' | 'onSource' | 'onMetric' | 'onFunction'>;

function collectingReferences({ refs, sources, metrics, functions }: NodeCalls): References {
  return {
    onRef: (ref) => refs.push(ref),
    onSource: (source) => sources.push(source),
    onMetric: (metric) => metrics.push(metric),
    onFunction: (name) => functions.push(name),
  };
}

/** Whether dbt looks for the source text of a config() call: not if a space precedes the parenthesis. */
const writesConfig = (code: string): boolean => code.includes('config(');

/** Records the calls found in a node's code by the static readers. */
function takeStatic(
  node: RenderedNode,
  { refs, sources, configs, writtenConfig, macros, simple }: StaticModel,
  calls: NodeCalls,
): void {
  calls.macros.push(...macros);
  calls.refs.push(...refs);
  calls.sources.push(...sources);
  if (configs.length === 0) return;
  for (const config of configs) {
    if (!simple) mergeConfigCall(calls.config, config);
    else for (const key of Object.keys(config)) mergeConfigCall(calls.config, { [key]: config[key] });
  }
  if (simple) calls.written = Object.fromEntries(configs.flatMap((config) => Object.entries(config)));
  if (!simple && writtenConfig !== null && languageOf(node) !== 'python' && writesConfig(node.raw_code))
    calls.unrendered = sourceTexts(writtenConfig);
}

/** Hooks of a seed may only call macros. */
function refusingReferences(node: RenderedNode): References {
  const refuse = (): never => {
    const hooks = (['pre-hook', 'post-hook'] as const).flatMap((key) =>
      (node.config[key] ?? []).map(({ sql }) => `- ${key.replace('-', '_')}: "${sql}"`),
    );
    throw errorOf('seedHookReferences', { node: node.unique_id, hooks: hooks.join('\n') });
  };
  return { onRef: refuse, onSource: refuse, onMetric: refuse, onFunction: () => undefined };
}

function languageOf(node: RenderedNode): string | null {
  return node.language ?? null;
}

/** jinja drops one trailing newline of a template and normalizes newlines. */
function withoutLastNewline(text: string): string {
  const plain = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  return plain.endsWith('\n') ? plain.slice(0, -1) : plain;
}
