// A relation: the name of a database object, and how it is rendered, quoted and compared. Dialects provide their
// differences as data (`RelationDialect`). The adapter looks relations up; relation-members.ts and relation-statics.ts
// serve templates.
import { TsdbtError } from '../errors.ts';
import { PyDict } from '../values/dict.ts';
import { toRepr, toText } from '../values/text.ts';
import type { HostObject, Value } from '../values/value.ts';
import type { PathPart, PolicyValues, RelationDialect, RelationType } from './relation-dialect.ts';
import { relationMember } from './relation-members.ts';
import { dictOf, mergePolicy, PATH_PARTS, type PathValues } from './relation-path.ts';
import { addEphemeralPrefix, relationStatic } from './relation-statics.ts';
import { stripCharacter } from '../values/whitespace.ts';

const NO_FIELDS: Readonly<Record<string, Value>> = {};

/** Restricts reads to a time window: `--sample`, microbatch. */
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
  /** Set for `relation.information_schema(...)`: the view in the information schema, or null for the schema itself. */
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

/** The SQL expression that a column of event times is compared with. */
export function timeBound(dialect: RelationDialect, column: string, moment: Value): string {
  return dialect.timeBound?.(column, moment) ?? `'${toText(moment)}'`;
}

/** A name in the database. Immutable; every change returns a new relation. */
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
    const character = this.fields.quoteCharacter;
    if (character === this.dialect.quoteCharacter) return this.dialect.quote(part);
    return character + part.replaceAll(character, character + character) + character;
  }

  /** The name without a subquery, parts joined by dots. */
  render(): string {
    const { path, includePolicy, quotePolicy, informationSchemaView } = this.fields;
    let text = '';
    // A loop, because most nodes render some names, and an iterator would create an object per part.
    for (let i = 0; i < PATH_PARTS.length; i++) {
      const part = PATH_PARTS[i];
      const name = part === undefined ? null : path[part];
      if (part === undefined || name === null || !includePolicy[part]) continue;
      const { showPart } = this.dialect;
      if (name === '' && showPart && !quotePolicy[part]) continue;
      const shown = quotePolicy[part] ? this.quoted(name) : (showPart?.(name) ?? name);
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
      ? `(select * from ${this.render()} where false limit 0)${this.#subqueryAlias('limit')}`
      : `(select * from ${this.render()} limit ${limit})${this.#subqueryAlias('limit')}`;
  }

  renderEventTimeFiltered(rendered: string = this.render()): string {
    const filter = this.fields.eventTimeFilter;
    if (filter === null) return rendered;
    const conditions: string[] = [];
    const { fieldName: field, start, end } = filter;
    if (start !== null) conditions.push(`${field} >= ${timeBound(this.dialect, field, start)}`);
    if (end !== null) conditions.push(`${field} < ${timeBound(this.dialect, field, end)}`);
    if (conditions.length === 0) return rendered;
    return `(select * from ${rendered} where ${conditions.join(' and ')})${this.#subqueryAlias('et_filter')}`;
  }

  #subqueryAlias(namespace: string): string {
    return this.fields.requireAlias ? ` _dbt_${namespace}_subq_${this.identifier ?? 'None'}` : '';
  }

  /** The output of `{{ relation }}`: the name, or the subquery with which `--empty` and `--sample` replace it. */
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
    if (members && Object.hasOwn(members, name)) return members[name]?.(this);
    if (ownFields && Object.hasOwn(ownFields, name)) return this.fields.own[name];
    const member = relationMember(this, name);
    return member === undefined ? relationStatic(Relation, this.dialect, null, name) : member;
  }

  jinjaItem(key: Value): Value | undefined {
    return typeof key === 'string' ? this.jinjaGet(key) : undefined;
  }

  /**
   * Whether this relation matches the given names. Unquoted relations created by dbt are compared case-insensitively.
   */
  matches(search: Partial<PathValues>): boolean {
    const entries = PATH_PARTS.flatMap((part) => {
      const value = search[part];
      return value === null || value === undefined || (part === 'database' && this.dialect.noDatabase !== undefined)
        ? []
        : [[part, value] as const];
    });
    if (entries.length === 0)
      throw new TsdbtError('runtime', 'Tried to match relation, but no search path was passed!');
    const strip = (text: string) => stripCharacter(text, this.fields.quoteCharacter);
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

  /** The dataclass as a dict without Nones: `to_dict(omit_none=True)`. */
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

function sameFilter(a: EventTimeFilter | null, b: EventTimeFilter | null): boolean {
  if (a === null || b === null) return a === b;
  return a.fieldName === b.fieldName && toRepr(a.start) === toRepr(b.start) && toRepr(a.end) === toRepr(b.end);
}

function withoutDatabase(dialect: string, fields: RelationFields): RelationFields {
  const { database, schema } = fields.path;
  if (database === '') return fields;
  if (database !== null && database !== schema)
    throw new TsdbtError('runtime', `Cannot set database ${database} in ${dialect}!`);
  return { ...fields, path: { ...fields.path, database: '' } };
}

// The server may truncate the name of a relation that exists only within one transaction: it always truncates in the
// same way.
const WORKING_NAME = /__dbt_(tmp|backup|new)\w*$/;

function checkIdentifier(dialect: RelationDialect, fields: RelationFields): void {
  const { identifier } = fields.path;
  const max = dialect.maxIdentifier;
  // A relation without a type will not be created: identifiers of tests, for example, may be longer.
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
    return relationStatic(Relation, this.dialect, this.quoting, name);
  }
}
