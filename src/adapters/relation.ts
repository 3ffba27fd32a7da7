// A name of something in the database, as templates see it: how it renders, quotes, compares and turns into other
// names. What differs between dialects comes in as data (`RelationDialect`); looking things up in the database is left
// to the adapter.
import { TsdbtError } from '../errors.ts';
import { argumentBinder, callable } from '../values/callable.ts';
import { PyDateTime } from '../values/datetime.ts';
import { PyDict } from '../values/dict.ts';
import { toRepr, toText } from '../values/text.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';
import type { PathPart, PolicyValues, RelationDialect, RelationType } from './relation-dialect.ts';

export type { NodeOfRelation, PathPart, PolicyValues, RelationDialect, RelationType } from './relation-dialect.ts';
export type PathValues = Readonly<Record<PathPart, string | null>>;

const PATH_PARTS: readonly PathPart[] = ['database', 'schema', 'identifier'];
const NO_FIELDS: Readonly<Record<string, Value>> = {};
const ALL_TRUE: PolicyValues = { database: true, schema: true, identifier: true };

/** The names under which a template asks for a relation type: `Relation.View`, `relation.MaterializedView` … */
const RELATION_TYPES: Readonly<Record<string, RelationType>> = {
  Table: 'table',
  View: 'view',
  CTE: 'cte',
  MaterializedView: 'materialized_view',
  Ephemeral: 'ephemeral',
  External: 'external',
  PointerTable: 'pointer_table',
  Function: 'function',
};
export const DEFAULT_TYPES: readonly RelationType[] = Object.values(RELATION_TYPES);

/** Restricts what is read to a window of time: `--sample`, microbatch. */
export interface EventTimeFilter {
  readonly fieldName: string;
  readonly start: Value;
  readonly end: Value;
}

export interface RelationFields {
  readonly path: PathValues;
  readonly type: RelationType | null;
  readonly quotePolicy: PolicyValues;
  readonly includePolicy: PolicyValues;
  readonly quoteCharacter: string;
  readonly dbtCreated: boolean;
  readonly limit: number | null;
  readonly eventTimeFilter: EventTimeFilter | null;
  readonly requireAlias: boolean;
  readonly catalog: string | null;
  /** The dialect's `ownFields`. */
  readonly own: Readonly<Record<string, Value>>;
  /**
   * Set for `relation.information_schema(...)`: the view below the information schema, or null for the schema itself.
   */
  readonly informationSchemaView?: string | null | undefined;
}

export interface RelationInput {
  readonly database?: string | null | undefined;
  readonly schema?: string | null | undefined;
  readonly identifier?: string | null | undefined;
  readonly type?: RelationType | null | undefined;
  readonly quotePolicy?: Partial<Record<PathPart, boolean>> | undefined;
  readonly includePolicy?: Partial<Record<PathPart, boolean>> | undefined;
  readonly dbtCreated?: boolean | undefined;
  readonly limit?: number | null | undefined;
  readonly eventTimeFilter?: EventTimeFilter | null | undefined;
  readonly own?: Readonly<Record<string, Value>> | undefined;
}

/** The parts of a `quoting:` that say something. */
export function writtenPolicy(
  quoting: Partial<Record<PathPart, boolean | null | undefined>>,
): Partial<Record<PathPart, boolean>> {
  const written: Partial<Record<PathPart, boolean>> = {};
  for (const part of PATH_PARTS) {
    const flag = quoting[part];
    if (typeof flag === 'boolean') written[part] = flag;
  }
  return written;
}

/** A name in the database. Immutable; every change gives a new relation. */
export class Relation implements HostObject {
  readonly jinjaIsMapping = true;
  readonly dialect: RelationDialect;
  readonly fields: RelationFields;

  constructor(dialect: RelationDialect, fields: RelationFields) {
    this.dialect = dialect;
    this.fields = dialect.noDatabase === undefined ? fields : withoutDatabase(dialect.noDatabase, fields);
    checkIdentifier(dialect, fields);
  }

  static create(dialect: RelationDialect, input: RelationInput): Relation {
    return new Relation(dialect, {
      path: { database: input.database ?? null, schema: input.schema ?? null, identifier: input.identifier ?? null },
      type: input.type ?? null,
      quotePolicy: input.quotePolicy ? mergePolicy(dialect.quotePolicy, input.quotePolicy) : dialect.quotePolicy,
      includePolicy: input.includePolicy
        ? mergePolicy(dialect.includePolicy, input.includePolicy)
        : dialect.includePolicy,
      quoteCharacter: dialect.quoteCharacter,
      dbtCreated: input.dbtCreated ?? false,
      limit: input.limit ?? null,
      eventTimeFilter: input.eventTimeFilter ?? null,
      requireAlias: dialect.requireAlias,
      catalog: null,
      own: input.own ? { ...dialect.ownFields, ...input.own } : (dialect.ownFields ?? NO_FIELDS),
    });
  }

  /** The name under which an ephemeral model is inlined: `__dbt__cte__name`. */
  static createEphemeral(
    dialect: RelationDialect,
    identifier: string,
    more: Pick<RelationInput, 'limit' | 'eventTimeFilter'> = {},
  ): Relation {
    return Relation.create(dialect, { type: 'cte', identifier: addEphemeralPrefix(identifier), ...more }).quote({
      identifier: false,
    });
  }

  get database(): string | null {
    return this.fields.path.database;
  }
  get schema(): string | null {
    return this.fields.path.schema;
  }
  get identifier(): string | null {
    return this.fields.path.identifier;
  }
  get type(): RelationType | null {
    return this.fields.type;
  }
  get isInformationSchema(): boolean {
    return this.fields.informationSchemaView !== undefined;
  }
  get jinjaType(): string {
    return this.isInformationSchema ? 'dbt.adapters.base.relation.InformationSchema' : this.dialect.typeName;
  }
  get className(): string {
    return this.isInformationSchema ? 'InformationSchema' : this.dialect.className;
  }

  with(changes: Partial<RelationFields>): Relation {
    return new Relation(this.dialect, { ...this.fields, ...changes });
  }

  withPath(changes: Partial<PathValues>): Relation {
    return this.with({ path: { ...this.fields.path, ...changes } });
  }

  quote(changes: Partial<Record<PathPart, boolean | null>>): Relation {
    return this.with({ quotePolicy: mergePolicy(this.fields.quotePolicy, changes) });
  }

  include(changes: Partial<Record<PathPart, boolean | null>>): Relation {
    return this.with({ includePolicy: mergePolicy(this.fields.includePolicy, changes) });
  }

  withoutIdentifier(): Relation {
    return this.with({
      includePolicy: { ...this.fields.includePolicy, identifier: false },
      path: { ...this.fields.path, identifier: null },
    });
  }

  informationSchema(view: string | null = null): Relation {
    return new Relation(this.dialect, {
      ...this.fields,
      path: { database: this.database, schema: null, identifier: 'INFORMATION_SCHEMA' },
      type: 'view',
      includePolicy: { database: this.database !== null, schema: false, identifier: true },
      quotePolicy: { ...this.fields.quotePolicy, identifier: false },
      dbtCreated: false,
      limit: null,
      eventTimeFilter: null,
      catalog: null,
      informationSchemaView: view,
    });
  }

  quoted(part: string): string {
    return this.fields.quoteCharacter + part + this.fields.quoteCharacter;
  }

  /** The name alone, parts joined by dots; never a subquery. */
  render(): string {
    const { path, includePolicy, quotePolicy, informationSchemaView } = this.fields;
    let text = '';
    for (const part of PATH_PARTS) {
      const name = path[part];
      if (!includePolicy[part] || name === null) continue;
      const { showPart } = this.dialect;
      const said = quotePolicy[part] ? this.quoted(name) : name;
      if (said === '' && showPart) continue;
      const shown = showPart?.(said) ?? said;
      text = text === '' ? shown : `${text}.${shown}`;
    }
    return typeof informationSchemaView === 'string'
      ? text === ''
        ? informationSchemaView
        : `${text}.${informationSchemaView}`
      : text;
  }

  renderLimited(): string {
    const { limit } = this.fields;
    if (limit === null) return this.render();
    return limit === 0
      ? `(select * from ${this.render()} where false limit 0)${this.subqueryAlias('limit')}`
      : `(select * from ${this.render()} limit ${limit})${this.subqueryAlias('limit')}`;
  }

  renderEventTimeFiltered(rendered: string = this.render()): string {
    const filter = this.fields.eventTimeFilter;
    if (filter === null) return rendered;
    const conditions: string[] = [];
    const show = this.dialect.showMoment ?? toText;
    if (filter.start !== null) conditions.push(`${filter.fieldName} >= '${show(filter.start)}'`);
    if (filter.end !== null) conditions.push(`${filter.fieldName} < '${show(filter.end)}'`);
    if (conditions.length === 0) return rendered;
    return `(select * from ${rendered} where ${conditions.join(' and ')})${this.subqueryAlias('et_filter')}`;
  }

  private subqueryAlias(namespace: string): string {
    return this.fields.requireAlias ? ` _dbt_${namespace}_subq_${this.identifier ?? 'None'}` : '';
  }

  /** What `{{ relation }}` writes: the name, or the subquery that `--empty` and `--sample` put in its place. */
  jinjaText(): string {
    if (this.type === 'function') return this.render();
    const limited = this.renderLimited();
    return this.fields.eventTimeFilter === null ? limited : this.renderEventTimeFiltered(limited);
  }

  toString(): string {
    return this.jinjaText();
  }
  jinjaRepr(): string {
    return `<${this.className} ${this.render()}>`;
  }
  jinjaTruth(): boolean {
    return true;
  }
  jinjaHash(): string {
    return `relation:${this.render()}`;
  }

  jinjaIter(): Iterable<Value> {
    throw new TsdbtError(
      'compilation',
      `The object ("${this.jinjaText()}") was used as a dictionary. This capability has been removed from ` +
        'objects of this type.',
    );
  }

  jinjaLength(): number {
    throw new TsdbtError(
      'compilation',
      `The object ("${this.jinjaText()}") was used as a dictionary. This capability has been removed from ` +
        'objects of this type.',
    );
  }

  jinjaEquals(other: Value): boolean {
    if (this === other) return true;
    if (
      !(other instanceof Relation) ||
      this.isInformationSchema !== other.isInformationSchema ||
      this.dialect.className !== other.dialect.className
    )
      return false;
    const a = this.fields;
    const b = other.fields;
    return (
      PATH_PARTS.every(
        (p) =>
          a.path[p] === b.path[p] && a.quotePolicy[p] === b.quotePolicy[p] && a.includePolicy[p] === b.includePolicy[p],
      ) &&
      a.type === b.type &&
      a.dbtCreated === b.dbtCreated &&
      a.limit === b.limit &&
      a.quoteCharacter === b.quoteCharacter &&
      a.requireAlias === b.requireAlias &&
      a.catalog === b.catalog &&
      a.informationSchemaView === b.informationSchemaView &&
      sameFilter(a.eventTimeFilter, b.eventTimeFilter) &&
      (a.own === b.own || toRepr(PyDict.from(a.own)) === toRepr(PyDict.from(b.own)))
    );
  }

  jinjaGet(name: string): Value | undefined {
    const { members, ownFields } = this.dialect;
    if (members && Object.hasOwn(members, name)) return members[name]!(this);
    if (ownFields && Object.hasOwn(ownFields, name)) return this.fields.own[name];
    const attribute = ATTRIBUTES.get(name);
    if (attribute) return attribute(this);
    const method = METHODS.get(name);
    return method ? method(this) : relationStatic(this.dialect, null, name);
  }

  jinjaItem(key: Value): Value | undefined {
    return typeof key === 'string' ? this.jinjaGet(key) : undefined;
  }

  /** Does this relation answer to the given names? Unquoted relations made by dbt compare without regard to case. */
  matches(search: Partial<PathValues>): boolean {
    const entries = PATH_PARTS.flatMap((part) => {
      const value = search[part];
      return value === null || value === undefined || (part === 'database' && this.dialect.noDatabase !== undefined)
        ? []
        : [[part, value] as const];
    });
    if (entries.length === 0)
      throw new TsdbtError('runtime', 'Tried to match relation, but no search path was passed!');
    const strip = (text: string) => trimCharacter(text, this.fields.quoteCharacter);
    let exact = true;
    let approximate = true;
    for (const [part, value] of entries) {
      const own = this.fields.path[part];
      const same =
        this.fields.dbtCreated && !this.fields.quotePolicy[part]
          ? own?.toLowerCase() === value.toLowerCase()
          : own === value;
      if (!same) exact = false;
      if (strip(String(own?.toLowerCase() ?? 'None')) !== strip(value.toLowerCase())) approximate = false;
    }
    if (approximate && !exact) {
      const target = Relation.create(this.dialect, search).jinjaText();
      throw new TsdbtError(
        'compilation',
        'When searching for a relation, dbt found an approximate match. Instead of guessing \nwhich relation ' +
          'to use, dbt will move on. ' +
          `Please delete ${this.jinjaText()}, or rename it to be less ambiguous.\nSearched for: ${target}\n` +
          `Found: ${this.jinjaText()}`,
      );
    }
    return exact;
  }

  /** The dataclass as a dict, without what is None: `to_dict(omit_none=True)`. */
  toDict(omitNone = true): PyDict {
    const f = this.fields;
    const filter = f.eventTimeFilter;
    const entries: [string, Value][] = [
      [
        'path',
        dictOf(
          PATH_PARTS.map((p) => [p, f.path[p]]),
          omitNone,
        ),
      ],
      ['type', f.type],
      ['quote_character', f.quoteCharacter],
      [
        'include_policy',
        dictOf(
          PATH_PARTS.map((p) => [p, f.includePolicy[p]]),
          false,
        ),
      ],
      [
        'quote_policy',
        dictOf(
          PATH_PARTS.map((p) => [p, f.quotePolicy[p]]),
          false,
        ),
      ],
      ['dbt_created', f.dbtCreated],
      ['limit', f.limit],
      [
        'event_time_filter',
        filter &&
          dictOf(
            [
              ['field_name', filter.fieldName],
              ['start', filter.start],
              ['end', filter.end],
            ],
            omitNone,
          ),
      ],
      ['require_alias', f.requireAlias],
      ['catalog', f.catalog],
      ['renameable_relations', [...this.dialect.renameable]],
      ['replaceable_relations', [...this.dialect.replaceable]],
      ...Object.entries(f.own),
    ];
    if (this.isInformationSchema) entries.push(['information_schema_view', f.informationSchemaView ?? null]);
    return dictOf(entries, omitNone);
  }
}

function addEphemeralPrefix(name: string): string {
  return `__dbt__cte__${name}`;
}

/** `a` over `b`: parts of `changes` that are set win. */
function mergePolicy(policy: PolicyValues, changes: Partial<Record<PathPart, boolean | null>>): PolicyValues {
  return {
    database: changes.database ?? policy.database,
    schema: changes.schema ?? policy.schema,
    identifier: changes.identifier ?? policy.identifier,
  };
}

function sameFilter(a: EventTimeFilter | null, b: EventTimeFilter | null): boolean {
  if (a === null || b === null) return a === b;
  return a.fieldName === b.fieldName && toRepr(a.start) === toRepr(b.start) && toRepr(a.end) === toRepr(b.end);
}

function trimCharacter(text: string, character: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === character) start++;
  while (end > start && text[end - 1] === character) end--;
  return text.slice(start, end);
}

function dictOf(entries: readonly (readonly [string, Value])[], omitNone: boolean): PyDict {
  return PyDict.from(new Map<Value, Value>(omitNone ? entries.filter(([, v]) => v !== null) : entries));
}

function withoutDatabase(dialect: string, fields: RelationFields): RelationFields {
  const { database, schema } = fields.path;
  if (database === '') return fields;
  if (database !== null && database !== schema)
    throw new TsdbtError('runtime', `Cannot set database ${database} in ${dialect}!`);
  return { ...fields, path: { ...fields.path, database: '' } };
}

// A name that is only ever used inside one transaction may be cut by the server: it cuts the same way each time.
const WORKING_NAME = /__dbt_(tmp|backup|new)\w*$/;

function checkIdentifier(dialect: RelationDialect, fields: RelationFields): void {
  const { identifier } = fields.path;
  const max = dialect.maxIdentifier;
  // A relation without a type is not about to be created: the identifiers of tests, for one, may be longer.
  if (
    max === null ||
    identifier === null ||
    fields.type === null ||
    fields.informationSchemaView !== undefined ||
    identifier.length * 4 <= max
  )
    return;
  const characters = [...identifier].length;
  if (characters > max)
    throw new TsdbtError('runtime', `Relation name '${identifier}' is longer than ${max} characters`);
  if (Buffer.byteLength(identifier) > max && fields.type !== 'cte' && !WORKING_NAME.test(identifier)) {
    throw new TsdbtError('runtime', `Relation name '${identifier}' is longer than ${max} bytes`);
  }
}

const ATTRIBUTES: ReadonlyMap<string, (r: Relation) => Value> = new Map<string, (r: Relation) => Value>([
  ['database', (r) => r.database],
  ['schema', (r) => r.schema],
  ['identifier', (r) => r.identifier],
  ['table', (r) => r.identifier],
  ['name', (r) => r.identifier],
  ['type', (r) => r.type],
  ['path', (r) => new PathParts('Path', r.fields.path)],
  ['quote_policy', (r) => new PathParts('Policy', r.fields.quotePolicy)],
  ['include_policy', (r) => new PathParts('Policy', r.fields.includePolicy)],
  ['quote_character', (r) => r.fields.quoteCharacter],
  ['dbt_created', (r) => r.fields.dbtCreated],
  ['limit', (r) => r.fields.limit],
  [
    'event_time_filter',
    (r) => {
      const f = r.fields.eventTimeFilter;
      return (
        f &&
        dictOf(
          [
            ['field_name', f.fieldName],
            ['start', f.start],
            ['end', f.end],
          ],
          false,
        )
      );
    },
  ],
  ['require_alias', (r) => r.fields.requireAlias],
  ['catalog', (r) => r.fields.catalog],
  ['renameable_relations', (r) => [...r.dialect.renameable]],
  ['replaceable_relations', (r) => [...r.dialect.replaceable]],
  ['information_schema_view', (r) => r.fields.informationSchemaView ?? null],
  ['is_table', (r) => r.type === 'table'],
  ['is_view', (r) => r.type === 'view'],
  ['is_cte', (r) => r.type === 'cte'],
  ['is_materialized_view', (r) => r.type === 'materialized_view'],
  ['is_pointer', (r) => r.type === 'pointer_table'],
  ['is_function', (r) => r.type === 'function'],
  ['can_be_renamed', (r) => r.type !== null && r.dialect.renameable.includes(r.type)],
  ['can_be_replaced', (r) => r.type !== null && r.dialect.replaceable.includes(r.type)],
]);

// Called for every node: their parameters are read once.
const REPLACE_PATH = argumentBinder('replace_path', '**kwargs');
const INCORPORATE = argumentBinder('incorporate', '**kwargs');
const PARTS_SIGNATURE = 'database=None, schema=None, identifier=None';

const METHODS: ReadonlyMap<string, (r: Relation) => Callable> = new Map<string, (r: Relation) => Callable>([
  ['render', (r) => callable('render', '', () => r.render())],
  ['render_limited', (r) => callable('render_limited', '', () => r.renderLimited())],
  [
    'render_event_time_filtered',
    (r) =>
      callable('render_event_time_filtered', 'rendered=None', (rendered) =>
        r.renderEventTimeFiltered(typeof rendered === 'string' && rendered !== '' ? rendered : undefined),
      ),
  ],
  ['quoted', (r) => callable('quoted', 'identifier', (identifier) => r.quoted(toText(identifier)))],
  [
    'quote',
    (r) =>
      callable('quote', PARTS_SIGNATURE, (d, s, i) =>
        r.quote({ database: flag(d), schema: flag(s), identifier: flag(i) }),
      ),
  ],
  [
    'include',
    (r) =>
      callable('include', PARTS_SIGNATURE, (d, s, i) =>
        r.include({ database: flag(d), schema: flag(s), identifier: flag(i) }),
      ),
  ],
  [
    'matches',
    (r) =>
      callable('matches', PARTS_SIGNATURE, (d, s, i) =>
        r.matches({ database: textOrNull(d), schema: textOrNull(s), identifier: textOrNull(i) }),
      ),
  ],
  ['without_identifier', (r) => callable('without_identifier', '', () => r.withoutIdentifier())],
  [
    'information_schema',
    (r) =>
      callable('information_schema', 'view_name=None', (view) =>
        r.informationSchema(typeof view === 'string' ? view : null),
      ),
  ],
  ['information_schema_only', (r) => callable('information_schema_only', '', () => r.informationSchema())],
  [
    'replace_path',
    (r) =>
      callable('replace_path', REPLACE_PATH, (kwargs) =>
        r.with({ path: changePath(r.fields.path, entriesOf(kwargs)) }),
      ),
  ],
  ['incorporate', (r) => callable('incorporate', INCORPORATE, (kwargs) => r.with(changesFrom(r, entriesOf(kwargs))))],
  ['replace', (r) => callable('replace', '**kwargs', (kwargs) => r.with(changesFrom(r, entriesOf(kwargs))))],
  ['to_dict', (r) => callable('to_dict', 'omit_none=False, **kwargs', (omit) => r.toDict(omit === true))],
  [
    'get',
    (r) =>
      callable('get', 'key, default=None', (key, fallback) =>
        key === 'metadata' ? PyDict.from({ type: r.className }) : (r.jinjaItem(key) ?? fallback),
      ),
  ],
  ['relation_max_name_length', (r) => callable('relation_max_name_length', '', () => r.dialect.maxIdentifier)],
  [
    'get_function_macro_name',
    () =>
      callable(
        'get_function_macro_name',
        'config',
        (config) => `${toText(member(config, 'type'))}_function_${toText(member(config, 'language'))}`,
      ),
  ],
  ['get_function_config', () => callable('get_function_config', 'model', functionConfig)],
  [
    'get_materialized_view_config_change_collection',
    (r) =>
      callable(
        'get_materialized_view_config_change_collection',
        'relation_results, relation_config',
        (results, config) => r.dialect.materializedViewChanges?.(results, config) ?? null,
      ),
  ],
]);

/**
 * What `api.Relation.x` and `relation.x` share: constructors, constants and static methods of the class.
 * @param quoting the project's quoting, under the arguments of `create` (dbt's RelationProxy); null: the dialect's
 *   alone
 */
function relationStatic(
  dialect: RelationDialect,
  quoting: Partial<PolicyValues> | null,
  name: string,
): Value | undefined {
  const type = Object.hasOwn(RELATION_TYPES, name) ? RELATION_TYPES[name] : undefined;
  if (type !== undefined && name !== 'Ephemeral') return type;
  if (dialect.statics && Object.hasOwn(dialect.statics, name)) return dialect.statics[name];
  switch (name) {
    case 'create':
      return callable(
        'create',
        'database=None, schema=None, identifier=None, type=None, **kwargs',
        (database = null, schema = null, identifier = null, given = null, kwargs = null) => {
          const empty = Relation.create(dialect, quoting ? { quotePolicy: quoting } : {});
          const changes = changesFrom(empty, entriesOf(kwargs));
          return empty.with({
            ...changes,
            path: { database: pathPart(database), schema: pathPart(schema), identifier: pathPart(identifier) },
            type: relationType(dialect, given),
          });
        },
      );
    case 'create_from':
      return callable('create_from', 'quoting, relation_config, **kwargs', (_quoting, node = null, kwargs = null) => {
        const facts = { database: textOrNull(member(node, 'database')), schema: textOrNull(member(node, 'schema')) };
        const relation = Relation.create(dialect, {
          ...(quoting ? { quotePolicy: quoting } : {}),
          ...facts,
          identifier: textOrNull(member(node, 'identifier')) ?? textOrNull(member(node, 'alias')),
          ...dialect.fromNode?.({
            ...facts,
            resource_type: member(node, 'resource_type'),
            source_name: member(node, 'source_name'),
            config: member(node, 'config'),
          }),
        });
        return relation.with(changesFrom(relation, entriesOf(kwargs)));
      });
    case 'create_ephemeral_from':
      return callable('create_ephemeral_from', 'relation_config, limit=None, event_time_filter=None', (node, limit) =>
        Relation.createEphemeral(
          dialect,
          textOrNull(member(node, 'identifier')) ?? textOrNull(member(node, 'alias')) ?? '',
          { limit: typeof limit === 'number' ? limit : null },
        ),
      );
    case 'add_ephemeral_prefix':
      return callable('add_ephemeral_prefix', 'name', (text) => addEphemeralPrefix(toText(text)));
    case 'scd_args':
      return callable('scd_args', 'primary_key, updated_at', (key, updatedAt) => [
        ...(Array.isArray(key) ? key : [key]),
        updatedAt,
      ]);
    case 'get_default_quote_policy':
      return callable(name, '', () => new PathParts('Policy', dialect.quotePolicy));
    case 'get_default_include_policy':
      return callable(name, '', () => new PathParts('Policy', dialect.includePolicy));
    case 'get_relation_type':
      return callable(name, 'value', (value) => {
        if (isRelationType(dialect, value)) return value;
        throw new TsdbtError('compilation', `${toRepr(value)} is not a valid RelationType`);
      });
    default:
      return undefined;
  }
}

function flag(value: Value): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

function textOrNull(value: Value): string | null {
  return typeof value === 'string' ? value : null;
}

function member(value: Value, key: string): Value {
  if (value instanceof PyDict) return value.get(key) ?? null;
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value.jinjaGet(key) ?? value.jinjaItem?.(key) ?? null;
  return null;
}

/** A function's config as its materialization reads it. @throws where dbt refuses to build the function */
function functionConfig(model: Value): Value {
  if (member(model, 'resource_type') !== 'function') return null;
  const config = member(model, 'config');
  const language = member(model, 'language') ?? '';
  const type = member(config, 'type') ?? '';
  const runtime = member(config, 'runtime_version');
  const entry = member(config, 'entry_point');
  const wrong =
    language === ''
      ? 'A `language` is required for functions'
      : type === ''
        ? 'A `type` is required for functions'
        : language === 'python' && runtime === null
          ? 'A `runtime_version` is required for python functions'
          : language === 'python' && entry === null
            ? 'An `entry_point` is required for python functions'
            : '';
  if (wrong !== '') throw new TsdbtError('runtime', wrong);
  return dictOf(
    [
      ['language', language],
      ['type', type],
      ['runtime_version', runtime],
      ['entry_point', entry],
    ],
    false,
  );
}

/** Part of a name as dbt takes it: whatever is given becomes text. */
function pathPart(value: Value): string | null {
  return value === null ? null : toText(value);
}

function relationType(dialect: RelationDialect, value: Value): RelationType | null {
  if (value === null || isRelationType(dialect, value)) return value;
  throw new TsdbtError(
    'compilation',
    `Field "type" of type Optional[RelationType] in ${dialect.className} has invalid value ${toRepr(value)}`,
  );
}

export function isRelationType(dialect: RelationDialect, value: Value): value is RelationType {
  return typeof value === 'string' && dialect.types.some((type) => type === value);
}

function changePath(path: PathValues, changes: Iterable<readonly [string, Value]>): PathValues {
  const result = { ...path };
  for (const [key, value] of changes)
    if (key === 'database' || key === 'schema' || key === 'identifier') result[key] = pathPart(value);
  return result;
}

function changePolicy(policy: PolicyValues, changes: Iterable<readonly [string, Value]>): PolicyValues {
  const result: Record<PathPart, boolean> = { ...policy };
  for (const [key, value] of changes)
    if ((key === 'database' || key === 'schema' || key === 'identifier') && typeof value === 'boolean')
      result[key] = value;
  return result;
}

/** Entries of a dict, a Path or a Policy. */
function* entriesOf(value: Value): Iterable<readonly [string, Value]> {
  if (value instanceof PyDict) for (const [key, item] of value.entries()) yield [toText(key), item];
  else if (value instanceof PathParts) for (const part of PATH_PARTS) yield [part, value.values[part]];
}

/**
 * Keyword arguments of `incorporate`, `replace` and `create` as changes; what dbt's dataclass does not know is passed
 * over.
 */
function changesFrom(relation: Relation, kwargs: Iterable<readonly [string, Value]>): Partial<RelationFields> {
  const changes: { -readonly [K in keyof RelationFields]?: RelationFields[K] } = {};
  for (const [key, value] of kwargs) {
    switch (key) {
      case 'path':
        changes.path = changePath(relation.fields.path, entriesOf(value));
        break;
      case 'type':
        changes.type = relationType(relation.dialect, value);
        break;
      case 'quote_policy':
        changes.quotePolicy = changePolicy(relation.fields.quotePolicy, entriesOf(value));
        break;
      case 'include_policy':
        changes.includePolicy = changePolicy(relation.fields.includePolicy, entriesOf(value));
        break;
      case 'quote_character':
        changes.quoteCharacter = toText(value);
        break;
      case 'dbt_created':
        changes.dbtCreated = value === true;
        break;
      case 'limit':
        changes.limit = typeof value === 'number' ? value : null;
        break;
      case 'require_alias':
        changes.requireAlias = value === true;
        break;
      case 'catalog':
        changes.catalog = textOrNull(value);
        break;
      case 'information_schema_view':
        changes.informationSchemaView = textOrNull(value);
        break;
      case 'event_time_filter':
        changes.eventTimeFilter =
          value === null
            ? null
            : {
                fieldName: toText(member(value, 'field_name')),
                start: momentOf(member(value, 'start')),
                end: momentOf(member(value, 'end')),
              };
        break;
      default:
        if (Object.hasOwn(relation.dialect.ownFields ?? NO_FIELDS, key))
          changes.own = { ...relation.fields.own, ...changes.own, [key]: value };
    }
  }
  return changes;
}

/** A bound of a filter: a moment, or its ISO text. */
function momentOf(value: Value): Value {
  return typeof value === 'string' ? PyDateTime.fromIso(value) : value;
}

/** `relation.path`, `relation.quote_policy`, `relation.include_policy`. */
class PathParts implements HostObject {
  readonly className: 'Path' | 'Policy';
  readonly values: PathValues | PolicyValues;

  constructor(className: 'Path' | 'Policy', values: PathValues | PolicyValues) {
    this.className = className;
    this.values = values;
  }

  get jinjaType(): string {
    return `dbt.adapters.contracts.relation.${this.className}`;
  }

  jinjaGet(name: string): Value | undefined {
    if (name === 'database' || name === 'schema' || name === 'identifier') return this.values[name];
    switch (name) {
      case 'get_part':
        return callable(name, 'key', (key) => this.jinjaItem(key) ?? null);
      case 'get_lowered_part':
        return callable(name, 'key', (key) => {
          const part = this.jinjaItem(key);
          return typeof part === 'string' ? part.toLowerCase() : null;
        });
      case 'to_dict':
        return callable(name, 'omit_none=False', (omit) =>
          dictOf(
            PATH_PARTS.map((p) => [p, this.values[p]]),
            omit === true,
          ),
        );
      case 'replace':
        return callable(name, '**kwargs', (kwargs) =>
          this.className === 'Path'
            ? new PathParts('Path', changePath(this.values as PathValues, entriesOf(kwargs)))
            : new PathParts('Policy', changePolicy(this.values as PolicyValues, entriesOf(kwargs))),
        );
      case 'get':
        return callable(name, 'key, default=None', (key, fallback) => this.jinjaItem(key) ?? fallback);
      default:
        return undefined;
    }
  }

  jinjaItem(key: Value): Value | undefined {
    return key === 'database' || key === 'schema' || key === 'identifier' ? this.values[key] : undefined;
  }

  jinjaText(): string {
    return `${this.className}(${PATH_PARTS.map((p) => `${p}=${toRepr(this.values[p])}`).join(', ')})`;
  }

  jinjaEquals(other: Value): boolean {
    return (
      other instanceof PathParts &&
      other.className === this.className &&
      PATH_PARTS.every((p) => this.values[p] === other.values[p])
    );
  }
}

/** `api.Relation` and `adapter.Relation`: the class, with the project's quoting under `create`. */
export class RelationClass implements HostObject {
  readonly jinjaType = 'dbt.context.providers.RelationProxy';
  readonly dialect: RelationDialect;
  readonly quoting: Partial<PolicyValues>;

  constructor(dialect: RelationDialect, quoting: Partial<PolicyValues>) {
    this.dialect = dialect;
    this.quoting = quoting;
  }

  jinjaGet(name: string): Value | undefined {
    return relationStatic(this.dialect, this.quoting, name);
  }
}

export const DEFAULT_POLICY = ALL_TRUE;
