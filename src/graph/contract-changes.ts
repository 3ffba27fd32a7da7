// Finds what a model's contract has lost since an earlier manifest: dbt's breaking changes, with its messages. Callers
// decide whether to warn or to fail.
import type { ColumnInfo, Constraint, ModelNode } from '../contracts/node.ts';
import { toRepr } from '../values/text.ts';
import { sameValue } from './same-contents.ts';

export interface ContractChange {
  readonly same: boolean;
  /** Empty if the contract still contains everything that readers rely on. */
  readonly breaking: readonly string[];
}

const UNCHANGED: ContractChange = { same: true, breaking: [] };

/**
 * Compares a model's contract with an earlier one.
 * @param enforced types of constraints that the database enforces
 */
export function contractChange(now: ModelNode, before: ModelNode, enforced: ReadonlySet<string>): ContractChange {
  const [is, was] = [now.contract?.enforced === true, before.contract?.enforced === true];
  if (!was) return is ? { same: false, breaking: [] } : UNCHANGED;
  if (is && now.contract.checksum === before.contract.checksum) return UNCHANGED;
  const breaking: string[] = [];
  const note = (title: string, items: readonly string[]): void => {
    if (items.length > 0) breaking.push(`${title}: \n    - ${items.join('\n    - ')}`);
  };
  if (!is)
    breaking.push(
      'Contract enforcement was removed: Previously, this model had an enforced contract. It is no longer ' +
        'configured to enforce its contract, and this is a breaking change.',
    );
  const columns = Object.entries(before.columns ?? {}).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const kept = columns.flatMap(([key, column]) => {
    const mine = now.columns[key];
    return mine === undefined ? [] : [{ key, column, mine }];
  });
  note(
    'Columns were removed',
    columns.filter(([key]) => now.columns[key] === undefined).map(([, column]) => column.name),
  );
  note(
    'Columns with data_type changes',
    kept
      .filter(({ column, mine }) => baseType(column.data_type) !== baseType(mine.data_type))
      .map(
        ({ column, mine }) =>
          `${column.name} (${toRepr(column.data_type).replaceAll("'", '')} -> ` +
          `${toRepr(mine.data_type).replaceAll("'", '')})`,
      ),
  );
  if (holdsConstraints(before)) {
    const lost = (theirs: readonly Constraint[] | undefined, mine: readonly Constraint[] | undefined): Constraint[] =>
      (theirs ?? []).filter(
        (constraint) =>
          enforced.has(constraint.type) && !(mine ?? []).some((other) => sameConstraint(constraint, other)),
      );
    note(
      'Enforced column level constraints were removed',
      kept.flatMap(({ key, column, mine }) =>
        lost(column.constraints, mine.constraints).map((c) => `'${c.name ?? c.type}' constraint on column ${key}`),
      ),
    );
    note(
      'Enforced model level constraints were removed',
      lost(before.constraints, now.constraints).map(
        (c) => `'${c.name ?? c.type}' constraint on columns ${toRepr([...(c.columns ?? [])])}`,
      ),
    );
    const had =
      (before.constraints ?? []).length > 0 ||
      columns.some(([, column]: [string, ColumnInfo]) => (column.constraints ?? []).length > 0);
    if (!holdsConstraints(now) && had)
      note('Materialization changed with enforced constraints', [
        `${before.config.materialized} -> ${now.config.materialized}`,
      ]);
  }
  return { same: false, breaking };
}

/**
 * Returns what the removal of a model with a contract breaks.
 * @param removed the model before its removal, or the current one if it was only disabled
 */
export function removedContract(removed: ModelNode, now: number): string | null {
  if (removed.contract?.enforced !== true) return null;
  if (removed.deprecation_date != null && Date.parse(removed.deprecation_date) < now) return null;
  return (
    `Contracted model '${removed.unique_id}' was ` +
    `${removed.config.enabled === false ? 'disabled' : 'deleted or renamed'}.`
  );
}

function holdsConstraints(model: ModelNode): boolean {
  return model.config.materialized === 'table' || model.config.materialized === 'incremental';
}

/** A type without its size: a longer varchar breaks no reader. */
function baseType(type: string | null | undefined): string | null {
  if (!type) return type ?? null;
  const [name = ''] = type.split('(');
  return name.trim().toLowerCase();
}

function sameConstraint(a: Constraint, b: Constraint): boolean {
  const full = (c: Constraint): unknown => [
    c.type,
    c.name,
    c.expression,
    c.warn_unenforced ?? true,
    c.warn_unsupported ?? true,
    c.to,
    c.to_columns ?? [],
    c.columns ?? [],
  ];
  return sameValue(full(a), full(b));
}
