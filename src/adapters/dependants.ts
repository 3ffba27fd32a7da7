// What stands on top of a relation and goes when that is dropped, with all that is needed to put it back. Found by the
// dialects.
import { PyDict } from '../values/dict.ts';
import type { Value } from '../values/value.ts';

export interface Dependant {
  /** Unlike any other object of the database. */
  readonly id: string;
  readonly kind: 'view' | 'materialized_view' | 'foreign_key' | 'rule' | 'function' | 'publication';
  readonly database: string | null;
  readonly schema: string;
  /** Of the relation that is lost; for a rule or a constraint, of its table. */
  readonly name: string;
  /** Of a rule, constraint, function or publication; null for relations. */
  readonly ownName: string | null;
  readonly definition: string;
  readonly owner: string;
  /** False when it is known that this user may not drop and create it. */
  readonly ours: boolean;
  readonly comment: string | null;
  readonly reloptions: readonly string[];
  /** `privilege to grantee` of each. */
  readonly grants: readonly string[];
  /** Ids of other dependants that it reads. */
  readonly reads: readonly string[];
  readonly dropSql: string;
  /** Everything: the object, its owner, grants, comments, indexes, triggers. */
  readonly createSql: string;
}

/** A dependant as a template sees it. */
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

/** Creation order: what is read comes before its readers; otherwise as given. */
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
