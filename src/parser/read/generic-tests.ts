// Builds generic tests from YAML on models, columns, seeds, snapshots and sources: splits arguments from configs,
// computes names, creates nodes. Built-in tests with plain arguments need no rendering. macros.ts reads the test
// macros.
import type { Json, MacroNode, RefArgs, TestConfig, TestNode } from '../../contracts/node.ts';
import type { Project } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { configTags, columnsOfVersion } from './columns.ts';
import { isDict } from '../../project/schema-check.ts';
import type { InertMacros } from '../shortcuts/inert-macros.ts';
import type { MacroIds } from '../link/macro-ids.ts';
import { type ConfigDict, mergeConfigCall } from '../config/node-config.ts';
import type { PatchTools } from '../table/patch-table.ts';
import { newCalls, type NodeCalls } from '../table/node-calls.ts';
import { fqnPrefix } from '../table/node-paths.ts';
import type { PatchedResource, PatchedTest } from '../table/phases.ts';
import { configFields, projectConfigOf } from '../config/node-update.ts';
import { pyRepr, pyStr, pyTypeText } from '../../values/python-text.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { sourceTexts } from '../shortcuts/static-models.ts';
import { syntheticTestNames, testHash } from './test-names.ts';
import { placeInYaml } from '../table/yaml-place.ts';
import { needsRendering, type YamlDict } from './yaml-entries.ts';
import type { ColumnEntry, ModelEntry, NodeEntry } from './yaml-shapes.ts';
import { LOOKS_LIKE_CALL } from '../../context/test-arguments.ts';

/** The resource that a test is attached to. */
export interface TestTarget {
  readonly kind: 'model' | 'node' | 'source';
  /** For a source: `source_table`. */
  readonly name: string;
  readonly package_name: string;
  readonly original_file_path: string;
  /** `models.orders`, `sources.raw`. */
  readonly fileKeyName: string;
  readonly source?: { readonly source_name: string; readonly table_name: string };
}

const CONFIG_ARGS: readonly string[] = [
  'severity',
  'tags',
  'enabled',
  'where',
  'limit',
  'warn_if',
  'error_if',
  'fail_calc',
  'store_failures',
  'store_failures_as',
  'sql_header',
  'meta',
  'database',
  'schema',
  'alias',
];
const TEST_NAME = /^(?:([a-zA-Z_][0-9a-zA-Z_]*)\.)?([a-zA-Z_][0-9a-zA-Z_]*)/;

/** A placeholder until the config is computed. */
const UNSET = Object.freeze({}) as TestConfig;

/** A JSON replacer that keeps one text, one number and one item per type in each list. */
function typesOnly(_key: string, value: Json): Json {
  if (typeof value === 'string') return '';
  if (typeof value === 'number') return 0;
  if (!Array.isArray(value)) return value;
  return value.filter((item, i) => value.findIndex((other) => typeof other === typeof item) === i);
}

interface BuiltTest {
  readonly name: string;
  readonly namespace: string | null;
  readonly args: YamlDict;
  readonly config: ConfigDict;
  readonly description: string;
  readonly compiledName: string;
  readonly fqnName: string;
}

/** A model, seed or snapshot entry with tests; a model may have versions. */
export type TestedEntry = NodeEntry & Pick<ModelEntry, 'versions'>;
type TestVersion = RefArgs['version'];

/** Builds the nodes of generic tests; one per parse. */
export class GenericTests {
  readonly #tools: PatchTools;
  readonly #macros: MacroIds;
  readonly #inert: InertMacros;
  readonly #argumentsProperty: boolean;
  /** Macros and argument types that were already rendered to see whether they fail. */
  readonly #tried = new Set<string>();

  constructor(tools: PatchTools, macros: MacroIds, inert: InertMacros) {
    this.#tools = tools;
    this.#inert = inert;
    this.#macros = macros;
    this.#argumentsProperty = tools.state.flag('require_generic_test_arguments_property', true);
  }

  /** All tests of an entry of `models:`, `seeds:` or `snapshots:`, for every version. */
  addAll(target: TestTarget, data: TestedEntry): void {
    const { columns = [], data_tests: tests = [], versions = [] } = data;
    if (versions.length === 0) {
      this.#addFor(target, columns, tests, data, null);
      return;
    }
    for (const version of versions)
      this.#addFor(target, columnsOfVersion(columns, version), version.data_tests ?? tests, data, version.v);
  }

  #addFor(
    target: TestTarget,
    columns: readonly ColumnEntry[],
    tests: readonly Json[],
    data: TestedEntry,
    version: TestVersion,
  ): void {
    for (const column of columns) {
      const { name, data_tests: own = [] } = column;
      if (own.length === 0) continue;
      const quote = (column.quote ?? null) === null ? data.quote_columns === true : column.quote === true;
      const tags = [...(column.tags ?? []), ...configTags(column.config ?? {})];
      for (const test of own)
        this.add(target, test, quote ? this.#tools.state.adapter.quote(name) : name, tags, version);
    }
    for (const test of tests) this.add(target, test, null, [], version);
  }

  /** Adds one test as an enabled or disabled node. */
  add(target: TestTarget, test: Json, columnName: string | null, tags: readonly string[], version: TestVersion): void {
    const { state } = this.#tools;
    const project = state.project(target.package_name);
    const built = this.#buildChecked(
      target,
      typeof test === 'string' ? { [test]: {} } : test,
      columnName,
      version,
      project,
    );
    const folders = target.original_file_path.slice(target.original_file_path.indexOf('/') + 1);
    const calls = newCalls();
    const fqn = [...fqnPrefix(target.package_name, folders), built.fqnName];
    const fresh = this.#newNode(target, built, columnName, fqn, tags, calls);
    let node: PatchedTest;
    try {
      node = this.#finished(fresh, target, built, version, calls);
    } catch (error) {
      throw error instanceof TsdbtError ? error.with({ node: fresh }) : error;
    }
    if (node.config.enabled) this.#tools.table.addNode(node);
    else this.#tools.table.addDisabled(node);
  }

  #buildChecked(
    target: TestTarget,
    test: Json,
    columnName: string | null,
    version: TestVersion,
    project: Project,
  ): BuiltTest {
    try {
      return this.#build(target, test, columnName, version, project);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      const path = target.original_file_path;
      const className =
        target.kind === 'source'
          ? 'UnpatchedSourceDefinition'
          : target.kind === 'model'
            ? 'UnparsedModelUpdate'
            : 'UnparsedNodeUpdate';
      const context = `${`${className}(original_file_path='${path}', yaml_key=`.slice(0, 44)}...ne)`;
      const message =
        error.kind === 'parsing'
          ? `Invalid test config given in ${path}:\n\t${error.message}\n\t@: ${context}`
          : `Invalid generic test configuration given in ${path}: \n${error.message}\n\t@: ${context}`;
      throw new TsdbtError(error.kind, message, { ...error.details, path, cause: error });
    }
  }

  #build(target: TestTarget, test: Json, columnName: string | null, version: TestVersion, project: Project): BuiltTest {
    const [testName, args] = this.#extractArgs(target, test, columnName, project);
    if ('model' in args) throw errorOf('testArgumentModel', {});
    args['model'] = modelArgument(target, version);
    const [found, namespace = null, name = ''] = TEST_NAME.exec(testName) ?? [];
    if (found === undefined) throw errorOf('badTestName', { test: testName });
    const config = this.#takeConfig(args, project.project_name, target, columnName, name);
    const description = (args['description'] ?? '') as string;
    delete args['description'];
    if ('name' in args) {
      const own = args['name'];
      if (typeof own !== 'string') throw errorOf('badTestName', { test: pyRepr(own) });
      delete args['name'];
      return { name, namespace, args, config, description, compiledName: own, fqnName: own };
    }
    const versioned = target.kind === 'model' && version ? `${target.name}_v${pyStr(version)}` : target.name;
    const type = `${namespace === null ? '' : `${namespace}_`}${target.kind === 'source' ? 'source_' : ''}${name}`;
    const [short, full] = syntheticTestNames(type, versioned, args);
    if (short !== full && !('alias' in config)) config['alias'] = short;
    return { name, namespace, args, config, description, compiledName: short, fqnName: full };
  }

  #extractArgs(target: TestTarget, test: Json, columnName: string | null, project: Project): [string, YamlDict] {
    if (!isDict(test)) throw errorOf('testNoDictionary', { type: pyTypeText(test), value: pyStr(test) });
    let name: Json;
    let written: Json;
    if ('test_name' in test) {
      const { test_name, ...rest } = test;
      name = test_name ?? null;
      written = rest;
    } else {
      const entries = Object.entries(test);
      const [only] = entries;
      if (only === undefined || entries.length !== 1) {
        const shown = `[${entries.map(([key, value]) => `(${pyRepr(key)}, ${pyRepr(value)})`).join(', ')}]`;
        throw errorOf('testOfManyKeys', { keys: shown, count: entries.length });
      }
      [name, written] = only;
    }
    if (!isDict(written))
      throw errorOf('testArgumentsNoDictionary', { type: pyTypeText(written), value: pyStr(written) });
    if (typeof name !== 'string') throw errorOf('testNameNoText', { type: pyTypeText(name), value: pyStr(name) });
    let args: YamlDict = { ...written };
    if (columnName !== null) args['column_name'] = columnName;
    if (this.#argumentsProperty) {
      const own = args['arguments'];
      delete args['arguments'];
      this.#warnAboutKeys(target, name, args, own, project);
      if (isDict(own)) args = { ...args, ...own };
    } else if ('arguments' in args) {
      const which = `\`${name}\` (${pyStr(args['arguments'])})`;
      this.#tools.state.warnings.deprecated(
        'ArgumentsPropertyInGenericTestDeprecation',
        `Found \`arguments\` property in test definition of ${which} without usage of ` +
          '`require_generic_test_arguments_property` behavior change flag. The `arguments` property is ' +
          'deprecated for custom usage and will be used to nest keyword arguments in future versions of dbt.',
        { test_name: which },
      );
    }
    // Keys are removed from it below, and a YAML alias shares the same object: copy it.
    if (isDict(args['config'])) args['config'] = { ...args['config'] };
    return [name, args];
  }

  #warnAboutKeys(target: TestTarget, name: string, args: YamlDict, own: Json | undefined, project: Project): void {
    const { warnings } = this.#tools.state;
    let unknown = false;
    for (const key of Object.keys(args)) {
      if (CONFIG_ARGS.includes(key)) {
        warnings.deprecated(
          'PropertyMovedToConfigDeprecation',
          `Found \`${key}\` as a top-level property of \`data_tests.${name}.${key}\` in file ` +
            `\`${target.original_file_path}\`. The \`${key}\` top-level property should be moved into the ` +
            `\`config\` of \`data_tests.${name}.${key}\`.`,
          { key, file: target.original_file_path, key_path: `data_tests.${name}.${key}` },
        );
      } else if (key !== 'config' && key !== 'column_name' && key !== 'description' && key !== 'name') unknown = true;
    }
    if (!unknown || (isDict(own) ? Object.keys(own).length > 0 : Boolean(own))) return;
    const which =
      `\`${name}\` defined on '${target.name}' in package '${project.project_name}' ` +
      `(${target.original_file_path})`;
    warnings.deprecated(
      'MissingArgumentsPropertyInGenericTestDeprecation',
      `Found top-level arguments to test ${which}. Arguments to generic tests should be nested under the ` +
        '`arguments` property.',
      { test_name: which },
    );
  }

  #takeConfig(
    args: YamlDict,
    packageName: string,
    target: TestTarget,
    columnName: string | null,
    testName: string,
  ): ConfigDict {
    const nested = args['config'];
    if ('config' in args && !isDict(nested))
      throw errorOf('testConfigNoDictionary', { type: pyTypeText(nested), value: pyStr(nested) });
    const config: ConfigDict = {};
    const put = (key: string, value: unknown): void => {
      const rendered =
        typeof value === 'string' && needsRendering(value)
          ? this.#renderConfig(value, key, packageName, target, columnName, testName)
          : value;
      if (rendered !== null && rendered !== undefined) config[key] = rendered;
    };
    for (const key of CONFIG_ARGS) {
      let value: Json | undefined = args[key];
      delete args[key];
      if (isDict(nested)) {
        if (key in nested && isTruthy(value)) throw errorOf('testKeyTwice', {});
        // If there is a `config:`, dbt ignores a false value at the top level.
        if (!isTruthy(value)) value = nested[key];
        delete nested[key];
      }
      put(key, value);
    }
    if (isDict(nested)) for (const key of Object.keys(nested)) put(key, nested[key]);
    delete args['config'];
    const { state } = this.#tools;
    if (config['sql_header'] !== undefined && !state.flag('require_sql_header_in_test_configs', false)) {
      const facts = { key: 'sql_header', file: target.original_file_path, key_path: 'models.config' };
      state.warnings.deprecated(
        'CustomKeyInConfigDeprecation',
        `Custom key \`${facts.key}\` found in \`config\` at path \`${facts.key_path}\` in file ` +
          `\`${facts.file}\`. Custom config keys should move into the \`config.meta\`.`,
        facts,
      );
    }
    return config;
  }

  #renderConfig(
    value: string,
    key: string,
    packageName: string,
    target: TestTarget,
    columnName: string | null,
    testName: string,
  ): unknown {
    try {
      return this.#tools.rendering.yaml(value, packageName);
    } catch (error) {
      if (!(error instanceof TsdbtError) || error.kind !== 'undefinedMacro') throw error;
      throw errorOf('testConfigMacroMissing', {
        target: target.name,
        column: columnName ?? 'None',
        test: testName,
        key,
        why: error.message,
      });
    }
  }

  #newNode(
    target: TestTarget,
    built: BuiltTest,
    columnName: string | null,
    fqn: readonly string[],
    tags: readonly string[],
    calls: NodeCalls,
  ): TestNode {
    const { state } = this.#tools;
    const metadata = { name: built.name, kwargs: built.args, namespace: built.namespace };
    const credentials = state.config.profile.credentials;
    return {
      database: credentials.database,
      schema: credentials.schema,
      name: built.fqnName,
      resource_type: 'test',
      package_name: target.package_name,
      path: `${built.compiledName}.sql`,
      original_file_path: target.original_file_path,
      unique_id: `test.${target.package_name}.${built.fqnName}.${testHash(built.fqnName, metadata)}`,
      fqn,
      alias: built.fqnName,
      checksum: { name: 'none', checksum: '' },
      config: UNSET,
      tags: [...new Set([...tags, ...testTags(built.config)])].sort(),
      description: built.description,
      columns: {},
      meta: {},
      group: null,
      docs: { show: true, node_color: null },
      patch_path: null,
      build_path: null,
      unrendered_config: {},
      created_at: state.createdAt,
      relation_name: null,
      raw_code: rawCode(built),
      doc_blocks: [],
      language: 'sql',
      refs: calls.refs,
      sources: calls.sources,
      metrics: calls.metrics,
      functions: calls.functions,
      depends_on: { macros: calls.macros, nodes: [] },
      compiled_path: null,
      contract: { enforced: false, alias_types: true, checksum: null },
      column_name: columnName,
      file_key_name: target.fileKeyName,
      attached_node: null,
      test_metadata: metadata,
    };
  }

  /** The test with its config, its references, and the node it is attached to. */
  #finished(
    node: PatchedTest,
    target: TestTarget,
    built: BuiltTest,
    version: TestVersion,
    calls: NodeCalls,
  ): PatchedTest {
    const tools = this.#tools;
    let begun = node;
    let previous: ConfigDict | null = null;
    const macro = this.#macros.get(node.package_name, `test_${built.name}`);
    if (macro !== undefined) calls.macros.push(macro.unique_id);
    calls.config = { ...built.config };
    if (
      macro !== undefined &&
      (macro.unique_id === 'macro.dbt.test_not_null' || macro.unique_id === 'macro.dbt.test_unique')
    ) {
      if (target.source !== undefined) calls.sources.push([target.source.source_name, target.source.table_name]);
      else calls.refs.push({ name: target.name, package: null, version });
    } else if (macro !== undefined && this.#collectStatically(node, macro, calls)) {
      this.#tryOnce(node, macro, target.name);
      // dbt applies the configs twice: from the builder, and from the config() call that the builder adds to the code.
      if (Object.keys(built.config).length > 0) {
        mergeConfigCall(calls.config, built.config);
        calls.unrendered = sourceTexts(built.config);
      }
    } else {
      const config = projectConfigOf(tools.state, node);
      begun = { ...node, config };
      previous = config;
      this.#render(begun, calls, target.name);
    }
    const { fields } = configFields(tools, begun, { calls, previous });
    const attached = target.source === undefined ? this.#attachedTo(target, version) : undefined;
    if (attached === undefined) return { ...begun, ...fields };
    const group = 'group' in attached && typeof attached.group === 'string' ? attached.group : null;
    return { ...begun, ...fields, attached_node: attached.unique_id, group };
  }

  /** @throws TsdbtError with the line of the properties file that contains the test */
  #render(node: PatchedTest, calls: NodeCalls | null, target: string): void {
    const { rendering, state } = this.#tools;
    try {
      rendering.genericTest(node, calls);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      const path = node.original_file_path;
      const { name = '', kwargs = {} } = node.test_metadata ?? {};
      const column = kwargs['column_name'];
      const words = [target, ...(typeof column === 'string' ? [column] : []), name];
      placeInYaml(error, path, state.files.get(`${node.package_name}://${path}`), path, { words });
      throw error;
    }
  }

  /**
   * Renders the first test of an inert macro with arguments of these types, to see whether it fails.
   * @throws TsdbtError like #render
   */
  #tryOnce(node: PatchedTest, macro: MacroNode, target: string): void {
    const { model: _, ...kwargs } = node.test_metadata?.kwargs ?? {};
    const key = `${macro.unique_id} ${JSON.stringify(kwargs, typesOnly)}`;
    if (this.#tried.has(key)) return;
    this.#tried.add(key);
    this.#render({ ...node, config: projectConfigOf(this.#tools.state, node) }, null, target);
  }

  /** Collects refs and sources from arguments that contain only literal calls; returns false if rendering is needed. */
  #collectStatically(node: PatchedTest, macro: MacroNode, calls: NodeCalls): boolean {
    if (!this.#inert.has(macro)) return false;
    const subquery = this.#macros.get(node.package_name, 'get_where_subquery');
    if (subquery?.package_name !== 'dbt') return false;
    const refs: RefArgs[] = [];
    const sources: [string, string][] = [];
    const visit = (value: Json): boolean => {
      if (typeof value === 'string') {
        const call = LOOKS_LIKE_CALL.test(value);
        if (!call && !value.includes('{')) return true;
        const found = readRefOrSource(call ? value : (/^\{\{ get_where_subquery\((.*)\) \}\}$/.exec(value)?.[1] ?? ''));
        if (found === null) return false;
        if ('ref' in found) refs.push(found.ref);
        else sources.push(found.source);
        return true;
      }
      if (Array.isArray(value)) return value.every(visit);
      return isDict(value) ? Object.values(value).every(visit) : true;
    };
    const kwargs = node.test_metadata?.kwargs ?? {};
    // A YAML patch may have documented the arguments in the meantime.
    const { arguments: known } = this.#tools.table.macros.get(macro.unique_id) ?? macro;
    for (const key of Object.keys(kwargs)) {
      if (!known.some((argument) => argument.name === key)) return false;
      if (key !== 'column_name' && !visit(kwargs[key] ?? null)) return false;
    }
    calls.refs.push(...refs);
    calls.sources.push(...sources);
    calls.macros.push(subquery.unique_id);
    return true;
  }

  #attachedTo(target: TestTarget, version: TestVersion): PatchedResource | undefined {
    const { refs, nodes, disabledLookup } = this.#tools.table;
    const id = refs.get(target.name, target.package_name, version);
    if (id !== undefined) return nodes.get(id);
    return (disabledLookup.find(target.name, null) ?? disabledLookup.find(target.name.toUpperCase(), null))?.[0];
  }
}

function modelArgument(target: TestTarget, version: TestVersion): string {
  if (target.source !== undefined)
    return `{{ get_where_subquery(source('${target.source.source_name}', '${target.source.table_name}')) }}`;
  return target.kind === 'model' && version
    ? `{{ get_where_subquery(ref('${target.name}', version='${pyStr(version)}')) }}`
    : `{{ get_where_subquery(ref('${target.name}')) }}`;
}

function rawCode(built: BuiltTest): string {
  const macro = `${built.namespace === null ? '' : `${built.namespace}.`}test_${built.name}`;
  const keys = Object.keys(built.config);
  if (keys.length === 0) return `{{ ${macro}(**_dbt_generic_test_kwargs) }}`;
  const configs = keys.map((key) => {
    const value = built.config[key];
    return `${key}=${typeof value === 'string' ? quotedForJinja(value) : pyRepr(value)}`;
  });
  return `{{ ${macro}(**_dbt_generic_test_kwargs) }}{{ config(${configs.join(',')}) }}`;
}

function testTags(config: ConfigDict): string[] {
  const tags = config['tags'] ?? [];
  const list: unknown = typeof tags === 'string' ? [tags] : tags;
  if (!Array.isArray(list)) throw errorOf('testTagsNoList', { value: pyStr(list), type: pyTypeText(list) });
  return list.map((tag) => {
    if (typeof tag === 'string') return tag;
    throw errorOf('testTagNoText', { value: pyStr(tag), type: pyTypeText(tag) });
  });
}

function isTruthy(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isDict(value) ? Object.keys(value).length > 0 : Boolean(value);
}

/**
 * dbt escapes quotes and leaves backslashes to Jinja. A backslash before a quote or at the end would end the text at
 * the wrong place, so it is escaped as well.
 */
function quotedForJinja(text: string): string {
  const escaped = text.replace(/(?<!\\)(\\*)("|$)/g, (_, slashes: string, quote: string) => {
    const even = slashes.length % 2 === 0 ? slashes : `${slashes}\\`;
    return quote === '' ? even : `${even}\\"`;
  });
  return `"${escaped}"`;
}
