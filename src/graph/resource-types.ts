// Determines which resource types a command works on, with `--resource-type` and `--exclude-resource-type`.

const EXECUTABLE = [
  'model',
  'test',
  'snapshot',
  'analysis',
  'operation',
  'seed',
  'doc',
  'rpc',
  'sql_operation',
  'function',
];
const BUILD = ['model', 'snapshot', 'seed', 'test', 'unit_test', 'saved_query', 'exposure', 'function', 'publication'];
const LIST = [
  'model',
  'snapshot',
  'seed',
  'test',
  'source',
  'exposure',
  'metric',
  'saved_query',
  'semantic_model',
  'unit_test',
  'function',
  'publication',
];
const TESTS = ['test', 'unit_test'];
const REFABLE = ['model', 'seed', 'snapshot'];

interface TypeRule {
  readonly all: readonly string[];
  readonly defaults: readonly string[];
  readonly only?: readonly string[];
}

const RULES: Readonly<Record<string, TypeRule>> = {
  build: { all: BUILD, defaults: BUILD },
  list: { all: [...LIST, 'analysis'], defaults: LIST },
  test: { all: TESTS, defaults: TESTS, only: TESTS },
  clone: { all: REFABLE, defaults: REFABLE, only: REFABLE },
};

const FIXED: Readonly<Record<string, readonly string[]>> = {
  run: ['model', 'publication'],
  seed: ['seed', 'publication'],
  snapshot: ['snapshot', 'publication'],
  publish: ['publication'],
  freshness: ['source', 'model'],
  compile: EXECUTABLE,
  show: EXECUTABLE,
  generate: EXECUTABLE,
};

export interface ResourceTypeOptions {
  /** `--resource-type`, with `all` and `default`. */
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** `compile --inline`, `show --inline`. */
  readonly inline?: boolean | undefined;
}

/** The resource types of a command; undefined when it selects no nodes. */
export function resourceTypesFor(which: string, options: ResourceTypeOptions = {}): Set<string> | undefined {
  if (options.inline === true && (which === 'compile' || which === 'show')) return new Set(['sql_operation']);
  const rule = RULES[which];
  if (rule === undefined) return FIXED[which] === undefined ? undefined : new Set(FIXED[which]);
  const asked = options.include ?? [];
  const types = new Set(
    asked.length === 0
      ? rule.defaults
      : asked.flatMap((type) => (type === 'all' ? rule.all : type === 'default' ? rule.defaults : [type])),
  );
  for (const type of options.exclude ?? []) types.delete(type);
  return rule.only === undefined ? types : new Set([...types].filter((type) => rule.only?.includes(type)));
}
