// What is known to be in the database: relations by name and the schemas that were listed, so that asking whether a relation is there costs
// no query. It follows drops and renames as they are made; filling it is left to the adapter.
import { TsdbtError } from '../errors.ts';
import type { Relation } from './relation.ts';

interface Names { readonly database: string | null; readonly schema: string | null; readonly identifier: string | null }

interface Entry {
  key: string;
  relation: Relation;
  /** What would go with it under `drop … cascade`; an entry that was removed meanwhile is skipped. */
  readonly dependants: Set<Entry>;
}

const SEPARATOR = '\u0000';

/** Relations by (database, schema, identifier). Every look-up is constant time. */
export class RelationCache {
  private readonly exact: boolean;
  private readonly schemas = new Map<string, Set<string>>();
  private readonly entries = new Map<string, Entry>();

  /** @param exact names differ by case and have no database; else neither case counts nor is the database left out */
  constructor(exact = false) {
    this.exact = exact;
  }

  get size(): number { return this.entries.size; }

  hasSchema(database: string | null, schema: string | null): boolean {
    return this.schemas.has(this.schemaKey(database, schema));
  }

  /** Marks schemas as listed: what is not in the cache there does not exist. */
  addSchemas(schemas: Iterable<readonly [database: string | null, schema: string | null]>): void {
    for (const [database, schema] of schemas) this.members(this.schemaKey(database, schema));
  }

  dropSchema(database: string | null, schema: string | null): void {
    const key = this.schemaKey(database, schema);
    for (const member of [...(this.schemas.get(key) ?? [])]) this.remove(member);
    this.schemas.delete(key);
  }

  /** The relation of that name, whatever its case. */
  get(names: Names): Relation | undefined {
    return this.entries.get(this.keyOf(names))?.relation;
  }

  /** Adds a relation; one that is there already stays as it is. */
  add(relation: Relation): void {
    const key = this.keyOf(relation);
    if (!this.entries.has(key)) this.entries.set(key, { key, relation, dependants: new Set() });
    this.members(this.schemaKey(relation.database, relation.schema)).add(key);
  }

  /** Puts a relation in the place of what was known under its name: after looking at the database again. */
  replace(relation: Relation): void {
    const entry = this.entries.get(this.keyOf(relation));
    if (entry) entry.relation = relation;
    else this.add(relation);
  }

  /** Forgets one name only: it was looked up and is not there. */
  forget(names: Names): void {
    this.remove(this.keyOf(names), false);
  }

  /** `dependent` reads `referenced`: it goes when that is dropped. Relations outside of the listed schemas are of no interest. */
  addLink(referenced: Relation, dependent: Relation): void {
    if (!this.hasSchema(referenced.database, referenced.schema)) return;
    this.add(this.entries.has(this.keyOf(referenced)) ? referenced : referenced.with({ type: 'external' }));
    this.add(this.entries.has(this.keyOf(dependent)) ? dependent : dependent.with({ type: 'external' }));
    this.entries.get(this.keyOf(referenced))!.dependants.add(this.entries.get(this.keyOf(dependent))!);
  }

  /** Forgets a relation and, as `cascade` does, whatever depends on it. One that is not known is no error. */
  drop(names: Names): void {
    this.remove(this.keyOf(names));
  }

  /** @throws when the new name is taken, as names that were cut to the same text are */
  rename(from: Relation, to: Relation): void {
    const oldKey = this.keyOf(from);
    const newKey = this.keyOf(to);
    if (this.entries.has(newKey)) throw this.nameTaken(to);
    const entry = this.entries.get(oldKey);
    if (!entry) {
      this.add(to);
      return;
    }
    this.remove(oldKey, false);
    entry.relation = entry.relation.withPath({ database: to.database, schema: to.schema, identifier: to.identifier });
    entry.key = newKey;
    this.entries.set(newKey, entry);
    this.members(this.schemaKey(to.database, to.schema)).add(newKey);
  }

  /** All relations of a schema. */
  list(database: string | null, schema: string | null): Relation[] {
    return [...(this.schemas.get(this.schemaKey(database, schema)) ?? [])].map((key) => this.entries.get(key)!.relation);
  }

  clear(): void {
    this.schemas.clear();
    this.entries.clear();
  }

  private schemaKey(database: string | null, schema: string | null): string {
    return this.exact ? schema ?? '' : `${database ?? ''}${SEPARATOR}${schema ?? ''}`.toLowerCase();
  }

  private keyOf({ database, schema, identifier }: Names): string {
    return this.schemaKey(database, schema) + SEPARATOR + (this.exact ? identifier ?? '' : (identifier ?? '').toLowerCase());
  }

  private members(key: string): Set<string> {
    let set = this.schemas.get(key);
    if (!set) this.schemas.set(key, (set = new Set()));
    return set;
  }

  private remove(key: string, cascade = true): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.schemas.get(this.schemaKey(entry.relation.database, entry.relation.schema))?.delete(key);
    if (cascade) for (const dependant of entry.dependants) if (this.entries.get(dependant.key) === dependant) this.remove(dependant.key);
  }

  private nameTaken(to: Relation): TsdbtError {
    const match = /__dbt_backup|__dbt_tmp$/.exec(to.identifier ?? '');
    const advice = match ? "\n\nName collisions can occur when the length of two models' names approach your database's builtin limit. "
      + `Try restructuring your project such that no two models share the prefix '${to.identifier?.slice(0, match.index)}'. Then, clean your warehouse of any removed models.` : '';
    return new TsdbtError('internal', `Cache inconsistency detected: in rename, new key ${to.render()} already in cache: ${this.entries.size} relations${advice}`);
  }
}
