// Caches the relations of listed schemas, so that a lookup costs no query. Follows creations, drops and renames, also
// while the catalog is being read. The adapter writes the queries.
import { TsdbtError } from '../errors.ts';
import type { Relation } from './relation.ts';

interface Names {
  readonly database: string | null;
  readonly schema: string | null;
  readonly identifier: string | null;
  /** Key of a relation: the database stores unquoted parts in lower case. */
  readonly fields?: { readonly quotePolicy: Readonly<Record<'schema' | 'identifier', boolean>> };
}

/** A schema to be listed. */
export interface SchemaName {
  readonly database: string | null;
  readonly schema: string;
}

/** The catalog's answer for some schemas. */
export interface Listing {
  readonly relations: readonly Relation[];
  /** Pairs of a relation and its reader; absent until they are queried. */
  readonly links?: readonly (readonly [referenced: Relation, dependent: Relation])[];
}

/** A session that changes something. Before it commits, only it sees the change, which may be undone. */
export interface Writer {
  readonly pending?: boolean;
}

interface Entry {
  key: string;
  relation: Relation;
  /** Entries that `drop … cascade` also removes; those removed in the meantime are skipped. */
  readonly dependants: Set<Entry>;
}

/** An entry before a change; undefined: there was none. */
type Before = { readonly entry: Entry; readonly relation: Relation } | undefined;

/** Uncommitted changes of a writer. */
interface Uncommitted {
  /** The changed entries, as other sessions see them. */
  readonly before: Map<string, Before>;
  /** Schemas that the writer itself listed: that answer contains its changes. */
  readonly listed: Set<string>;
}

/** A catalog query in flight. */
interface Question {
  readonly sent: number;
  readonly asker: object;
  /** Its schemas, without those dropped in the meantime. */
  readonly schemas: Set<string>;
  /** Entries that changed since it was sent: its answer is outdated for them. */
  readonly changed: Set<string>;
  /** Never rejects. */
  answered: Promise<void>;
}

const SEPARATOR = '\u0000';

/** Relations by (database, schema, identifier). Every lookup takes constant time. */
export class RelationCache {
  readonly #exact: boolean;
  readonly home: string | null;
  /** Listed schemas, with the time when the query was sent. */
  readonly #listed = new Map<string, number>();
  readonly #members = new Map<string, Set<string>>();
  readonly #entries = new Map<string, Entry>();
  /** Keys by their lower-case form. */
  readonly #folded = new Map<string, Set<string>>();
  /** Names known to be missing: a lookup must not match one in another case. */
  readonly #absent = new Set<string>();
  readonly #questions = new Set<Question>();
  readonly #uncommitted = new Map<object, Uncommitted>();
  #now = 0;

  /**
   * @param exact names that differ by case are different and have no database; otherwise other cases match as well
   * @param home the database of names without one
   */
  constructor(exact = false, home: string | null = null) {
    this.#exact = exact;
    this.home = home;
  }

  get size(): number {
    return this.#entries.size;
  }

  hasSchema(database: string | null, schema: string | null): boolean {
    return this.#listed.has(this.#schemaKey(database, schema));
  }

  /**
   * Lists schemas: afterwards a name that is not cached does not exist. At most one query per schema is in flight;
   * later calls wait for it. Changes since the query was sent, and uncommitted ones, override its answer.
   * @param asker the requesting session
   * @param anew lists again, with a query sent from now on
   * @throws what `ask` throws; nothing is listed then, and other waiting calls query themselves
   */
  async fill(
    schemas: readonly SchemaName[],
    asker: object,
    ask: (schemas: readonly SchemaName[]) => Promise<Listing>,
    anew = false,
  ): Promise<void> {
    const wanted = new Map(schemas.map((schema) => [this.#schemaKey(schema.database, schema.schema), schema]));
    const since = anew ? ++this.#now : 0;
    for (;;) {
      const missing = [...wanted].filter(([key]) => (this.#listed.get(key) ?? -1) < since);
      if (missing.length === 0) return;
      const asked = [...this.#questions].filter((question) => missing.some(([key]) => question.schemas.has(key)));
      if (asked.some((question) => question.asker === asker)) {
        throw new TsdbtError(
          'compilation',
          `the macro that lists the relations of ${missing.map(([, { schema }]) => schema).join(', ')} looks ` +
            'up a relation there',
        );
      }
      const unasked = missing.filter(([key]) => !asked.some((question) => question.schemas.has(key)));
      await Promise.all([
        ...asked.map((question) => question.answered),
        ...(unasked.length === 0 ? [] : [this.#put(new Map(unasked), asker, ask)]),
      ]);
    }
  }

  dropSchema(database: string | null, schema: string | null): void {
    const key = this.#schemaKey(database, schema);
    for (const member of [...(this.#members.get(key) ?? [])]) this.#remove(member);
    this.#listed.delete(key);
    for (const question of this.#questions) question.schemas.delete(key);
  }

  /**
   * Returns the relation of that name; otherwise one of that name in another case.
   * @param reader the requesting session, which does not see what other sessions have not committed. Absent: sees
   *   everything
   */
  get(names: Names, reader?: object): Relation | undefined {
    const entry = this.#find(names);
    if (reader === undefined || this.#uncommitted.size === 0) return entry?.relation;
    return this.#visible(entry?.key ?? this.#keyOf(names), reader);
  }

  /**
   * Records what a session found under the lock of a name. No other session can still have an uncommitted change to it.
   * @param relation undefined: there is none
   */
  found(names: Names, relation: Relation | undefined, reader: object): void {
    const key = this.#keyOf(names);
    for (const [writer, { before }] of this.#uncommitted) if (writer !== reader) before.delete(key);
    if (relation === undefined) this.forget(names);
    else this.replace(relation);
  }

  /** Replaces a relation that was created or inspected. Its readers stay. */
  replace(relation: Relation, by?: Writer): void {
    const key = this.#keyOf(relation);
    this.#note(key, by);
    this.#set(key, relation);
  }

  /** Removes a name that was looked up and does not exist. */
  forget(names: Names, by?: Writer): void {
    const key = this.#keyOf(names);
    this.#remove(key, by, false);
    this.#absent.add(key);
  }

  /** Confirms a cached relation: earlier queries must not override it. */
  confirm(names: Names): void {
    this.#note(this.#keyOf(names));
  }

  /** Removes a relation and, like `cascade`, its readers. An unknown one is not an error. Called after the drop. */
  drop(names: Names, by?: Writer): void {
    const key = this.#find(names)?.key ?? this.#keyOf(names);
    this.#note(key, by);
    this.#remove(key, by);
  }

  /** @throws if the new name is taken, for example if two names were truncated to the same text */
  checkRename(to: Relation): void {
    if (this.#entries.has(this.#keyOf(to))) throw this.#nameTaken(to);
  }

  /** Follows a rename after it was executed: an answer may have arrived in the meantime. */
  rename(from: Relation, to: Relation, by?: Writer): void {
    const entry = this.#find(from);
    const newKey = this.#keyOf(to);
    this.#note(entry?.key ?? this.#keyOf(from), by);
    this.#note(newKey, by);
    if (!entry) {
      if (!this.#entries.has(newKey)) this.#set(newKey, to);
      return;
    }
    this.#take(entry.key);
    this.#take(newKey);
    entry.relation = entry.relation.withPath({ database: to.database, schema: to.schema, identifier: to.identifier });
    this.#place(newKey, entry);
  }

  /** The writer has committed: its changes are visible to all. */
  committed(by: object): void {
    const changes = this.#uncommitted.get(by);
    this.#uncommitted.delete(by);
    // The answer to an earlier query does not contain the commit.
    for (const key of changes?.before.keys() ?? []) this.#note(key);
  }

  /** The writer has rolled back. @param sure false: the connection was lost, and the schemas are listed again */
  rolledBack(by: object, sure = true): void {
    const changes = this.#uncommitted.get(by);
    if (changes === undefined) return;
    this.#uncommitted.delete(by);
    for (const schema of changes.listed) this.#listed.delete(schema);
    for (const key of changes.before.keys()) {
      this.#take(key);
      if (!sure) this.#listed.delete(this.#schemaOf(key));
    }
    for (const [key, before] of changes.before) {
      if (before === undefined) continue;
      before.entry.relation = before.relation;
      this.#place(key, before.entry);
    }
  }

  /** All relations of a schema, as `get` returns them to the reader. */
  list(database: string | null, schema: string | null, reader?: object): Relation[] {
    const place = this.#schemaKey(database, schema);
    const keys = new Set(this.#members.get(place));
    for (const { before } of this.#uncommitted.values())
      for (const key of before.keys()) if (this.#schemaOf(key) === place) keys.add(key);
    return [...keys].flatMap((key) => this.#visible(key, reader) ?? []);
  }

  clear(): void {
    for (const map of [this.#listed, this.#members, this.#entries, this.#folded, this.#absent, this.#uncommitted])
      map.clear();
    for (const question of this.#questions) question.schemas.clear();
  }

  async #put(
    schemas: ReadonlyMap<string, SchemaName>,
    asker: object,
    ask: (schemas: readonly SchemaName[]) => Promise<Listing>,
  ): Promise<void> {
    let end: () => void = () => undefined;
    const question: Question = {
      sent: ++this.#now,
      asker,
      schemas: new Set(schemas.keys()),
      changed: new Set(),
      answered: new Promise((resolve) => {
        end = resolve;
      }),
    };
    this.#questions.add(question);
    try {
      const listing = await ask([...schemas.values()]);
      this.#learn(question, listing);
    } finally {
      this.#questions.delete(question);
      end();
    }
  }

  /** Applies an answer, except for entries that changed since its query was sent. */
  #learn({ schemas, changed, asker, sent }: Question, { relations, links }: Listing): void {
    const found = new Map<string, Relation>();
    // As in dbt, the first of two entries counts.
    const isAsked = this.#asked(schemas);
    for (const relation of relations) {
      if (!isAsked(relation)) continue;
      const key = this.#keyOf(relation);
      if (!found.has(key)) found.set(key, relation);
    }
    for (const [writer, { before, listed }] of this.#uncommitted) {
      for (const key of before.keys()) {
        if (!schemas.has(this.#schemaOf(key))) continue;
        if (writer === asker) listed.add(this.#schemaOf(key));
        else if (!changed.has(key)) before.set(key, this.#asFound(key, found.get(key)));
      }
    }
    const pending = [...this.#uncommitted.values()];
    const stays = (key: string): boolean => changed.has(key) || pending.some(({ before }) => before.has(key));
    for (const schema of schemas) {
      for (const key of [...(this.#members.get(schema) ?? [])]) {
        if (stays(key)) continue;
        if (!found.has(key)) this.#take(key);
        else if (links !== undefined) this.#entries.get(key)?.dependants.clear();
      }
      this.#listed.set(schema, sent);
    }
    for (const [key, relation] of found) if (!stays(key)) this.#set(key, relation);
    for (const [referenced, dependent] of links ?? []) {
      const keys = [this.#keyOf(referenced), this.#keyOf(dependent)] as const;
      const gone = keys.some((key) => !this.#entries.has(key) && stays(key));
      if (gone || !isAsked(referenced)) continue;
      [referenced, dependent].forEach((relation, i) => {
        const key = keys[i] ?? '';
        if (!this.#entries.has(key)) this.#set(key, relation.with({ type: 'external' }));
      });
      this.#link(...keys);
    }
  }

  /** Whether a relation is in one of these schemas; most are in the same one as the previous relation. */
  #asked(schemas: ReadonlySet<string>): (names: Names) => boolean {
    let last: Names | undefined;
    let answer = false;
    return (names) => {
      if (last === undefined || last.schema !== names.schema || last.database !== names.database)
        answer = schemas.has(this.#schemaKey(names.database, names.schema));
      last = names;
      return answer;
    };
  }

  #asFound(key: string, relation: Relation | undefined): Before {
    return (
      relation && { relation, entry: { key, relation, dependants: this.#entries.get(key)?.dependants ?? new Set() } }
    );
  }

  #schemaKey(database: string | null, schema: string | null): string {
    return this.#exact ? (schema ?? '') : `${database ?? this.home ?? ''}${SEPARATOR}${schema ?? ''}`.toLowerCase();
  }

  #keyOf({ database, schema, identifier, fields }: Names): string {
    if (this.#exact) return `${schema ?? ''}${SEPARATOR}${identifier ?? ''}`;
    const policy = fields?.quotePolicy;
    const folder = policy?.schema === false ? (schema ?? '').toLowerCase() : (schema ?? '');
    const name = policy?.identifier === false ? (identifier ?? '').toLowerCase() : (identifier ?? '');
    return `${(database ?? this.home ?? '').toLowerCase()}${SEPARATOR}${folder}${SEPARATOR}${name}`;
  }

  #schemaOf(key: string): string {
    const schema = key.slice(0, key.lastIndexOf(SEPARATOR));
    return this.#exact ? schema : schema.toLowerCase();
  }

  #find(names: Names): Entry | undefined {
    const key = this.#keyOf(names);
    const own = this.#entries.get(key);
    if (own !== undefined || this.#exact || this.#absent.has(key)) return own;
    for (const other of this.#folded.get(key.toLowerCase()) ?? []) return this.#entries.get(other);
    return undefined;
  }

  #visible(key: string, reader?: object): Relation | undefined {
    if (reader !== undefined)
      for (const [writer, { before }] of this.#uncommitted)
        if (writer !== reader && before.has(key)) return before.get(key)?.relation;
    return this.#entries.get(key)?.relation;
  }

  /**
   * Called before each change. An uncommitted change leaves pending answers valid: they contain what a rollback
   * restores.
   */
  #note(key: string, by?: Writer): void {
    if (by?.pending !== true) {
      for (const question of this.#questions) question.changed.add(key);
      return;
    }
    const changes = this.#uncommitted.get(by) ?? { before: new Map<string, Before>(), listed: new Set<string>() };
    this.#uncommitted.set(by, changes);
    const entry = this.#entries.get(key);
    if (!changes.before.has(key)) changes.before.set(key, entry && { entry, relation: entry.relation });
  }

  #set(key: string, relation: Relation): void {
    const entry = this.#entries.get(key);
    if (entry) entry.relation = relation;
    else this.#place(key, { key, relation, dependants: new Set() });
  }

  #place(key: string, entry: Entry): void {
    entry.key = key;
    this.#entries.set(key, entry);
    this.#absent.delete(key);
    into(this.#members, this.#schemaOf(key), key);
    if (!this.#exact) into(this.#folded, key.toLowerCase(), key);
  }

  #take(key: string): void {
    if (!this.#entries.delete(key)) return;
    this.#members.get(this.#schemaOf(key))?.delete(key);
    this.#folded.get(key.toLowerCase())?.delete(key);
  }

  #remove(key: string, by?: Writer, cascade = true): void {
    const entry = this.#entries.get(key);
    this.#note(key, by);
    if (!entry) return;
    this.#take(key);
    if (cascade)
      for (const dependant of entry.dependants)
        if (this.#entries.get(dependant.key) === dependant) this.#remove(dependant.key, by);
  }

  #link(referenced: string, dependent: string): void {
    const reader = this.#entries.get(dependent);
    if (reader !== undefined) this.#entries.get(referenced)?.dependants.add(reader);
  }

  #nameTaken(to: Relation): TsdbtError {
    const match = /__dbt_backup|__dbt_tmp$/.exec(to.identifier ?? '');
    const advice = match
      ? "\n\nName collisions can occur when the length of two models' names approach your database's builtin limit. " +
        'Try restructuring your project such that no two models share the prefix ' +
        `'${to.identifier?.slice(0, match.index)}'. Then, clean your warehouse of any removed models.`
      : '';
    return new TsdbtError(
      'internal',
      `Cache inconsistency detected: in rename, new key ${to.render()} already in cache: ${this.#entries.size} ` +
        `relations${advice}`,
    );
  }
}

function into(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
}
