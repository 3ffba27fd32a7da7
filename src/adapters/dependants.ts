// Dependants: objects that are dropped with a relation because they read it or belong to it, with the statements that
// restore them. The dialects find them.
import { PyDict } from '../values/dict.ts';
import type { Value } from '../values/value.ts';

export interface Dependant {
  /** Unique in the database. */
  readonly id: string;
  readonly kind:
    | 'view'
    | 'materialized_view'
    | 'foreign_key'
    | 'rule'
    | 'function'
    | 'operator'
    | 'column'
    | 'policy'
    | 'trigger'
    | 'row_security'
    | 'publication';
  readonly database: string | null;
  readonly schema: string;
  /** The dropped relation; for a rule, constraint, column, policy or trigger, its table. */
  readonly name: string;
  /** Null for relations. */
  readonly ownName: string | null;
  readonly definition: string;
  readonly owner: string;
  /** False if this user certainly cannot drop and create it. */
  readonly ours: boolean;
  /** True for objects that belong to the relation itself: its policies, triggers and rules. */
  readonly own: boolean;
  readonly comment: string | null;
  readonly reloptions: readonly string[];
  /** `privilege to grantee` entries. */
  readonly grants: readonly string[];
  /** Ids of other dependants that it reads. */
  readonly reads: readonly string[];
  readonly dropSql: string;
  /** Covers the object, its owner, grants, comments, indexes, triggers. */
  readonly createSql: string;
}

/** A dependant as a template value. */
export function dependantValue(dependant: Dependant): PyDict {
  const entries: [string, Value][] = [
    ['kind', dependant.kind],
    ['database', dependant.database],
    ['schema', dependant.schema],
    ['name', dependant.name],
    ['definition', dependant.definition],
    ['owner', dependant.owner],
    ['comment', dependant.comment],
    ['reloptions', [...dependant.reloptions]],
    ['grants', [...dependant.grants]],
    ['drop_sql', dependant.dropSql],
    ['create_sql', dependant.createSql],
  ];
  return PyDict.from(entries);
}

/** Sorts in creation order: a relation comes before its readers; otherwise the order is kept. */
export function inCreationOrder<T extends { readonly id: string; readonly reads: readonly string[] }>(
  items: readonly T[],
): T[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  const out: T[] = [];
  const done = new Set<string>();
  const visit = (item: T): void => {
    if (done.has(item.id)) return;
    done.add(item.id);
    for (const id of item.reads) {
      const read = byId.get(id);
      if (read) visit(read);
    }
    out.push(item);
  };
  items.forEach(visit);
  return out;
}
