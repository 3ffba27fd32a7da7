// What a node's code sees during parsing: refs, sources and config are recorded, nothing is executed. Also the contexts
// of generate_*_name macros, exposures and semantic models. The parser evaluates the records.
import type { MacroNode, RefArgs } from '../contracts/node.ts';
import { type Call, callable, type HostObject, type Value } from '../values/index.ts';
import type { Adapter } from '../adapters/adapter.ts';
import { createAdapterObject } from './adapter-object.ts';
import { BaseScope, type ScopeSettings } from './base.ts';
import { type ConfigRecorder, ParseConfigObject, RuntimeConfigObject } from './config-object.ts';
import { lazyDictOf, withoutNulls } from './lazy-dict.ts';
import type { MacroResolver } from './macro-resolver.ts';
import { emptyGraph } from './graph-dict.ts';
import { type ContextNode, type ContextSettings, PROVIDER_MEMBERS, ProviderScope } from './provider.ts';
import { metricReference } from './metric-reference.ts';
import { namedArguments, refArguments, sourceArguments } from './reference-arguments.ts';
import { relationFrom } from './relations.ts';
import { repeatableNames, TEXT_NAMES } from './repeatable.ts';
import type { Member, Members } from './scope.ts';
import type { VisibleMacros } from './visible-macros.ts';
import { withConfig } from './runtime-config-view.ts';
import { createVar } from './var.ts';

/** Records the references and the config of a node's template. */
export interface ParseRecorder {
  readonly onRef?: (ref: RefArgs) => void;
  readonly onSource?: (source: [source: string, table: string]) => void;
  readonly onMetric?: (metric: string[]) => void;
  readonly onFunction?: (name: string[]) => void;
  /** The template itself calls a macro, given by unique_id. */
  readonly onMacro?: (uniqueId: string) => void;
  /** A macro is looked up by any caller; called once per macro. */
  readonly onBind?: (macro: MacroNode) => void;
  /** A text is rendered that is not part of the template. */
  readonly onText?: () => void;
  /** Null if config() must not be called here. */
  readonly onConfig?: ConfigRecorder | null;
  readonly onEnvVar?: (name: string, value: string) => void;
  /** The template reads a field of its node that changes when the node's text is edited. */
  readonly onOwnText?: () => void;
}

export interface ParseScopeOptions {
  readonly context: ContextSettings;
  readonly resolver: MacroResolver;
  /** The draft of the node. Templates see later changes, because it is read on access. */
  readonly node: ContextNode;
  readonly record: ParseRecorder;
  /** The visible macros, if not all are (generic tests). */
  readonly visible?: VisibleMacros;
}

export class ParseScope extends ProviderScope {
  readonly execute = false;
  readonly record: ParseRecorder;
  readonly resolver: MacroResolver;

  constructor(options: ParseScopeOptions, members: Members<never> = PARSE_MEMBERS) {
    const { context, node, record, resolver } = options;
    const settings = record.onEnvVar === undefined ? context : { ...context, recordEnvVar: record.onEnvVar };
    super(
      settings,
      node,
      members,
      {
        resolver,
        packageName: node.package_name,
        onMacro: record.onMacro,
        onBind: record.onBind,
        visible: options.visible,
      },
      false,
    );
    this.record = record;
    this.resolver = resolver;
  }

  createAdapter(): HostObject {
    return createAdapterObject({
      adapter: this.context.adapter as Adapter,
      session: null,
      config: this.context.config,
      dispatch: (name, namespace) => this.dispatch(name, namespace),
    });
  }

  renderText(text: string): Value {
    this.record.onText?.();
    const { texts } = this.context;
    const known = texts?.get(text);
    if (known !== undefined && isOwnOf(this, known.names)) return known.value;
    const template = this.context.templates.runtime.compile(text, {
      name: this.node.name,
      path: this.node.original_file_path,
    });
    const value = template.renderSync(this);
    const names = texts === undefined ? null : repeatableNames(template.ast.body, TEXT_NAMES);
    if (names !== null && isOwnOf(this, names)) texts?.set(text, { names, value });
    return value;
  }

  /** dbt returns the current node's relation for every reference: the real one is not known yet. */
  self(): Value {
    return relationFrom(this.context.adapter, this.context.config.project.quoting, this.node);
  }
}

function isOwnOf(scope: ParseScope, names: ReadonlySet<string>): boolean {
  for (const name of names) if (!scope.isOwn(name)) return false;
  return true;
}

/** Records one ref() and returns the placeholder relation. */
function parseRef(scope: ParseScope, call: Call): Value {
  scope.record.onRef?.(refArguments(call));
  return scope.self();
}

/** Fields of a node that change when its text is edited. */
const TEXT_FIELDS: ReadonlySet<string> = new Set(['raw_code', 'checksum', 'created_at']);

const PARSE_MEMBERS: Members<ParseScope> = new Map<string, Member<ParseScope>>([
  ...PROVIDER_MEMBERS,
  [
    'ref',
    (scope) =>
      withConfig(
        callable('ref', '*args, **kwargs', (call) => parseRef(scope, call)),
        scope.context.config,
        scope.context.recordCommand,
      ),
  ],
  [
    'source',
    (scope) =>
      withConfig(
        callable('source', '*args, **kwargs', (call) => {
          scope.record.onSource?.(sourceArguments(call));
          return scope.self();
        }),
        scope.context.config,
        scope.context.recordCommand,
      ),
  ],
  [
    'metric',
    (scope) =>
      callable('metric', '*args, **kwargs', (call) => {
        const { name, packageName } = namedArguments('metric', call);
        scope.record.onMetric?.(packageName === null ? [name] : [packageName, name]);
        return metricReference(name, packageName);
      }),
  ],
  [
    'function',
    (scope) =>
      callable('function', '*args, **kwargs', (call) => {
        const { name, packageName } = namedArguments('function', call);
        scope.record.onFunction?.(packageName === null ? [name] : [packageName, name]);
        return relationFrom(scope.context.adapter, scope.context.config.project.quoting, scope.node, {
          type: 'function',
        });
      }),
  ],
  ['config', (scope) => new ParseConfigObject(scope.record.onConfig ?? null)],
  [
    'var',
    (scope) =>
      createVar(scope.vars, {
        nodeName: scope.node.name,
        required: false,
        render: (text) => (scope.jinja(text) ? scope.renderText(text) : text),
      }),
  ],
  ['graph', () => emptyGraph()],
  [
    'model',
    (scope) => {
      const onRead = (key: string): void => {
        if (TEXT_FIELDS.has(key)) scope.record.onOwnText?.();
      };
      return lazyDictOf(scope.node, { omitNull: true, onRead });
    },
  ],
  ['this', (scope) => (scope.node.resource_type === 'operation' ? null : scope.self())],
  ['database', (scope) => scope.node.database ?? scope.context.config.profile.credentials.database],
  ['schema', (scope) => scope.node.schema ?? scope.context.config.profile.credentials.schema],
  ['pre_hooks', (scope) => hooksOf(scope.node, 'pre-hook')],
  ['post_hooks', (scope) => hooksOf(scope.node, 'post-hook')],
  ['compiled_code', () => null],
  ['defer_relation', () => null],
  ['load_agate_table', () => callable('load_agate_table', '', () => null)],
  ['write', () => callable('write', 'payload', () => '')],
]);

/** The hooks of a node as dicts; tests and sources have none. */
export function hooksOf(node: ContextNode, which: 'pre-hook' | 'post-hook'): Value {
  if (node.resource_type === 'source' || node.resource_type === 'test' || node.resource_type === 'unit_test') return [];
  const hooks = node.config?.[which];
  return Array.isArray(hooks) ? hooks.map((hook: unknown) => withoutNulls(hook)) : [];
}

/** Creates the context of a node's code during parsing. */
export function createParseScope(options: ParseScopeOptions): ParseScope {
  return new ParseScope(options);
}

/** Creates the context of a generic test's arguments and code during parsing. */
export function createGenericTestScope(options: ParseScopeOptions & { readonly visible: VisibleMacros }): ParseScope {
  return new ParseScope(options);
}

const NAME_MEMBERS: Members<ParseScope> = new Map<string, Member<ParseScope>>([
  ...PARSE_MEMBERS,
  ['config', (scope) => new RuntimeConfigObject({ unique_id: scope.node.unique_id }, scope.context.logger)],
  [
    'var',
    (scope) =>
      createVar(scope.vars, {
        nodeName: scope.node.name,
        required: true,
        render: (text) => (scope.jinja(text) ? scope.renderText(text) : text),
      }),
  ],
  ['database', ({ context }) => context.config.profile.credentials.database],
  ['schema', ({ context }) => context.config.profile.credentials.schema],
]);

/** The names of that context except macros. */
export const NAME_MEMBER_NAMES: ReadonlySet<string> = new Set(NAME_MEMBERS.keys());

/** Observes a scope of generate_*_name macros. */
export interface NameScopeNotices {
  /** A macro was looked up, to be called or passed on; called once per macro. */
  readonly onBind: (macro: MacroNode) => void;
  /** The text of a variable is rendered. */
  readonly onText: () => void;
}

/**
 * Creates the context of generate_schema_name, generate_alias_name and generate_database_name. The root project's
 * macros come first.
 */
export function createGenerateNameScope(
  context: ContextSettings,
  resolver: MacroResolver,
  macro: ContextNode,
  { onBind, onText }: NameScopeNotices,
): ParseScope {
  return new ParseScope({ context, resolver, node: macro, record: { onConfig: null, onBind, onText } }, NAME_MEMBERS);
}

/**
 * Creates the context of an exposure's `depends_on` and a semantic model's `model`: references only, each rendering to
 * empty text.
 */
export function createReferenceScope(settings: ScopeSettings, record: ParseRecorder): BaseScope {
  const members: Members<BaseScope> = new Map<string, Member<BaseScope>>([
    [
      'ref',
      () =>
        callable('ref', '*args, **kwargs', (call) => {
          record.onRef?.(refArguments(call));
          return '';
        }),
    ],
    [
      'source',
      () =>
        callable('source', '*args, **kwargs', (call) => {
          record.onSource?.(sourceArguments(call));
          return '';
        }),
    ],
    [
      'metric',
      () =>
        callable('metric', '*args, **kwargs', (call) => {
          const { name, packageName } = namedArguments('metric', call);
          record.onMetric?.(packageName === null ? [name] : [packageName, name]);
          return '';
        }),
    ],
  ]);
  return new BaseScope(settings, [], true, members);
}
