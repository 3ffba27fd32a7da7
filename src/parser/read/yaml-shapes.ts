// Which keys an entry of a properties file has and of what type, as dbt's Unparsed classes say it; what is wrong is
// told in the words of jsonschema with the path of the value. Leaves meaning to the patch parsers.
import {
  anything,
  bool,
  dict,
  integer,
  isDict,
  list,
  optional,
  optionalBool,
  optionalDict,
  optionalInteger,
  optionalText,
  text,
  textList,
  textOrTextList,
  type TypeCheck,
} from '../config/config-fields.ts';
import { pyRepr } from '../../values/python-text.ts';

export interface ShapeProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}
export type ShapeCheck = (value: unknown) => ShapeProblem | undefined;

export interface Shape {
  readonly fields: ReadonlyMap<string, ShapeCheck>;
  readonly required: readonly string[];
  /** Unknown keys pass. */
  readonly open: boolean;
}

const leaf =
  (check: TypeCheck): ShapeCheck =>
  (value) => {
    const message = check(value);
    return message === undefined ? undefined : { path: [], message };
  };

function shape(
  open: boolean,
  required: readonly string[],
  fields: Readonly<Record<string, TypeCheck | { nested: ShapeCheck }>>,
): Shape {
  const map = new Map<string, ShapeCheck>();
  for (const [name, check] of Object.entries(fields))
    map.set(name, typeof check === 'function' ? leaf(check) : check.nested);
  return { fields: map, required, open };
}

/** What is wrong with an entry, or undefined. */
export function checkShape(data: unknown, { fields, required, open }: Shape): ShapeProblem | undefined {
  if (!isDict(data)) return { path: [], message: `${pyRepr(data)} is not of type 'object'` };
  let unexpected: string[] | undefined;
  for (const key of Object.keys(data)) {
    const check = fields.get(key);
    if (check === undefined) {
      if (!open) (unexpected ??= []).push(key);
      continue;
    }
    const problem = check(data[key]);
    if (problem !== undefined) return { path: [key, ...problem.path], message: problem.message };
  }
  if (unexpected !== undefined) {
    const was = unexpected.length > 1 ? 'were' : 'was';
    return {
      path: [],
      message: `Additional properties are not allowed (${unexpected.map(pyRepr).join(', ')} ${was} unexpected)`,
    };
  }
  for (const key of required) if (!(key in data)) return { path: [], message: `'${key}' is a required property` };
  return undefined;
}

/** dbt's text of a problem: `at path ['columns'][0]['name']: …`. */
export function problemText({ path, message }: ShapeProblem): string {
  return `at path [${path.map((part) => pyRepr(part)).join('][')}]: ${message}`;
}

/** A list of dictionaries, or nothing. */
function dictionaries(): { nested: ShapeCheck } {
  return { nested: (value) => (value === null ? undefined : listOf(leaf(dict)).nested(value)) };
}

const of = (inner: Shape): { nested: ShapeCheck } => ({ nested: (value) => checkShape(value, inner) });
const listOf = (inner: ShapeCheck): { nested: ShapeCheck } => ({
  nested: (value) => {
    if (!Array.isArray(value)) return { path: [], message: `${pyRepr(value)} is not of type 'array'` };
    for (let i = 0; i < value.length; i += 1) {
      const problem = inner(value[i]);
      if (problem !== undefined) return { path: [i, ...problem.path], message: problem.message };
    }
    return undefined;
  },
});
const shapes = (inner: Shape): { nested: ShapeCheck } => listOf((value) => checkShape(value, inner));
const orNull = ({ nested }: { nested: ShapeCheck }): { nested: ShapeCheck } => ({
  nested: (value) => (value === null ? undefined : nested(value)),
});

const anyOf = (value: unknown, ...checks: ShapeCheck[]): ShapeProblem | undefined =>
  checks.some((check) => check(value) === undefined)
    ? undefined
    : { path: [], message: `${pyRepr(value)} is not valid under any of the given schemas` };

const testList = listOf((value) => anyOf(value, leaf(text), leaf(dict)));
const dictList = listOf(leaf(dict));
const nodeVersion: TypeCheck = (value) =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  (typeof value === 'object' && value !== null && 'jinjaType' in value)
    ? undefined
    : `${pyRepr(value)} is not valid under any of the given schemas`;

const DOCS = shape(false, [], { show: bool, node_color: optionalText });
const DESCRIBED = {
  name: text,
  description: text,
  meta: dict,
  data_type: optionalText,
  constraints: dictList,
  docs: of(DOCS),
  config: dict,
} as const;
const TESTED = { ...DESCRIBED, data_tests: testList, tests: testList } as const;

const COLUMN = shape(true, ['name'], {
  ...TESTED,
  quote: optionalBool,
  tags: textList,
  granularity: optionalText,
  dimension: anything,
  entity: anything,
});
const DESCRIBED_COLUMN = shape(true, ['name'], DESCRIBED);
const INCLUDE_EXCLUDE = shape(false, ['include'], { include: textOrTextList, exclude: textList });

const VERSION = shape(false, ['v'], {
  v: nodeVersion,
  defined_in: optionalText,
  description: text,
  access: optionalText,
  config: dict,
  constraints: dictList,
  docs: of(DOCS),
  data_tests: orNull(testList),
  tests: orNull(testList),
  deprecation_date: optionalText,
  columns: listOf((value) =>
    anyOf(
      value,
      (v) => checkShape(v, INCLUDE_EXCLUDE),
      (v) => checkShape(v, COLUMN),
    ),
  ),
});

const YAML_PLACE = { original_file_path: text, yaml_key: text, package_name: text } as const;

/** An entry of `seeds:` and `snapshots:`. */
export const NODE_ENTRY = shape(true, ['name'], {
  ...YAML_PLACE,
  ...TESTED,
  columns: shapes(COLUMN),
  quote_columns: optionalBool,
  access: optionalText,
});
export const MODEL_ENTRY = shape(true, ['name'], {
  ...YAML_PLACE,
  ...TESTED,
  columns: shapes(COLUMN),
  quote_columns: optionalBool,
  access: optionalText,
  latest_version: optional(nodeVersion),
  versions: shapes(VERSION),
  deprecation_date: optionalText,
  time_spine: optionalDict,
  semantic_model: anything,
  primary_entity: optionalText,
  agg_time_dimension: optionalText,
  metrics: optional(list),
  derived_semantics: optionalDict,
});
export const ANALYSIS_ENTRY = shape(true, ['name'], {
  ...YAML_PLACE,
  ...DESCRIBED,
  columns: shapes(DESCRIBED_COLUMN),
  access: optionalText,
});
export const SINGULAR_TEST_ENTRY = shape(true, ['name'], { ...YAML_PLACE, ...DESCRIBED });
export const MACRO_ENTRY = shape(true, ['name'], {
  ...YAML_PLACE,
  ...DESCRIBED,
  arguments: shapes(shape(false, ['name'], { name: text, type: optionalText, description: text })),
});

const FUNCTION_ARGUMENT = shape(false, ['name', 'data_type'], {
  name: text,
  data_type: text,
  description: optionalText,
  default_value: anything,
});
const FUNCTION_RETURNS = shape(false, ['data_type'], { data_type: text, description: optionalText });
export const FUNCTION_ENTRY = shape(true, ['name', 'returns'], {
  ...YAML_PLACE,
  ...DESCRIBED,
  access: optionalText,
  arguments: shapes(FUNCTION_ARGUMENT),
  returns: of(FUNCTION_RETURNS),
  overloads: shapes(
    shape(false, ['defined_in'], {
      defined_in: text,
      arguments: shapes(FUNCTION_ARGUMENT),
      returns: orNull(of(FUNCTION_RETURNS)),
      description: optionalText,
    }),
  ),
});

const OWNER = shape(true, [], { email: optional((v) => textOrTextList(v)), name: optionalText });
export const EXPOSURE_ENTRY = shape(false, ['name', 'type', 'owner'], {
  name: text,
  owner: of(OWNER),
  description: text,
  label: optionalText,
  meta: dict,
  tags: textList,
  url: optionalText,
  depends_on: textList,
  config: dict,
  type: (value) => oneOfText(value, ['dashboard', 'notebook', 'analysis', 'ml', 'application']),
  maturity: (value) =>
    value === null
      ? undefined
      : oneOfText(value, ['low', 'medium', 'high']) === undefined
        ? undefined
        : `${pyRepr(value)} is not valid under any of the given schemas`,
});
export const GROUP_ENTRY = shape(false, ['name', 'owner'], {
  name: text,
  owner: of(OWNER),
  description: optionalText,
  config: dict,
});

const QUOTING = shape(false, [], {
  database: optionalBool,
  schema: optionalBool,
  identifier: optionalBool,
  column: optionalBool,
});
const TIME = shape(false, [], {
  count: optionalInteger,
  period: (v) =>
    v === null
      ? undefined
      : oneOfText(v, ['minute', 'hour', 'day']) === undefined
        ? undefined
        : `${pyRepr(v)} is not valid under any of the given schemas`,
});
const FRESHNESS = shape(false, [], {
  warn_after: orNull(of(TIME)),
  error_after: orNull(of(TIME)),
  filter: optionalText,
});
const LOADED = {
  loaded_at_field: optionalText,
  loaded_at_field_present: optionalBool,
  loaded_at_query: optionalText,
} as const;

const SOURCE_TABLE = shape(true, ['name'], {
  ...TESTED,
  ...LOADED,
  columns: shapes(COLUMN),
  identifier: optionalText,
  quoting: of(QUOTING),
  freshness: orNull(of(FRESHNESS)),
  external: optionalDict,
  tags: textList,
});
const SOURCE_FIELDS = {
  name: text,
  description: text,
  meta: dict,
  database: optionalText,
  schema: optionalText,
  loader: text,
  quoting: of(QUOTING),
  freshness: orNull(of(FRESHNESS)),
  ...LOADED,
  tags: textList,
  config: dict,
  unrendered_database: optionalText,
  unrendered_schema: optionalText,
} as const;
export const SOURCE_ENTRY = shape(false, ['name'], { ...SOURCE_FIELDS, tables: orNull(shapes(SOURCE_TABLE)) });
export const SOURCE_OVERRIDE = shape(false, ['name', 'overrides'], {
  ...SOURCE_FIELDS,
  overrides: text,
  path: text,
  tables: optional(list),
});

const FIXTURE_FORMAT: TypeCheck = (value) => oneOfText(value, ['csv', 'dict', 'sql']);
const FIXTURE_FIELDS = { rows: anything, format: FIXTURE_FORMAT, fixture: optionalText } as const;
const VERSIONS = shape(false, [], { include: optional(list), exclude: optional(list) });
export const UNIT_TEST_ENTRY = shape(false, ['name', 'model', 'given', 'expect'], {
  name: text,
  model: text,
  given: shapes(shape(false, ['input'], { input: text, ...FIXTURE_FIELDS })),
  expect: of(shape(false, [], FIXTURE_FIELDS)),
  description: text,
  overrides: orNull(of(shape(false, [], { macros: dict, vars: dict, env_vars: dict }))),
  config: dict,
  versions: orNull(of(VERSIONS)),
});

/** Free entries of the semantic layer: only the name is looked at. */
export const NAMED_ENTRY = shape(true, ['name'], {
  name: text,
  description: optionalText,
  config: dict,
  label: optionalText,
  limit: optional(integer),
  model: optionalText,
  entities: dictionaries(),
  dimensions: dictionaries(),
  measures: dictionaries(),
  exports: dictionaries(),
});

function oneOfText(value: unknown, options: readonly string[]): string | undefined {
  return typeof value === 'string' && options.includes(value)
    ? undefined
    : `${pyRepr(value)} is not one of ${pyRepr(options)}`;
}
