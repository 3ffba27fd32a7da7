// Checks the constraints of a model as dbt does during parsing. read/columns.ts computes the contract's checksum.
import type { Constraint } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { isConstraint, newModelConstraint } from '../read/columns.ts';
import type { ConstraintEntry } from '../read/yaml-shapes.ts';
import { expectRefOrSource } from '../shortcuts/static-expressions.ts';
import type { NodeCalls } from '../table/node-calls.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedModel } from '../table/phases.ts';
import { pyRepr } from '../../values/python-text.ts';

/** The fields that the checks read; `constraints` are the model's previous ones. */
type Constrained = Pick<
  PatchedModel,
  'name' | 'config' | 'language' | 'original_file_path' | 'columns' | 'constraints'
>;

/** Returns the checked constraints of a model. References of its foreign keys are added to `calls`. */
export function constraintsOf(
  tools: PatchTools,
  node: Constrained,
  entries: readonly ConstraintEntry[],
  calls: NodeCalls,
): Constraint[] {
  if (node.config.contract?.enforced === true) {
    checkContractPrerequisites(tools, node);
    if (!entries.every(isConstraint)) {
      throw errorOf('badModelConstraint', { model: node.name });
    }
  }
  checkPrimaryKeys(node, entries);
  const constraints = entries.map((constraint) => newModelConstraint(constraint));
  const all = [...constraints, ...Object.values(node.columns).flatMap((column) => column.constraints)];
  for (const { type, to } of all) {
    if (type !== 'foreign_key' || !to) continue;
    let target: ReturnType<typeof expectRefOrSource>;
    try {
      target = expectRefOrSource(to);
    } catch {
      throw errorOf('badForeignKeySyntax', { model: node.name, to: typeof to === 'string' ? to : pyRepr(to) });
    }
    if ('ref' in target) calls.refs.push(target.ref);
    else calls.sources.push(target.source);
  }
  return constraints;
}

function checkContractPrerequisites(tools: PatchTools, node: Constrained): void {
  const { materialized } = node.config;
  const warns = [...Object.values(node.columns).flatMap((column) => column.constraints), ...node.constraints].some(
    (constraint) => constraint.warn_unsupported,
  );
  if (warns && materialized !== 'table' && materialized !== 'incremental') {
    tools.state.warnings.warn(
      'UnsupportedConstraintMaterialization',
      `Constraint types are not supported for ${materialized} materializations and will be ignored.  Set ` +
        "'warn_unsupported: false' on this constraint to ignore this warning.",
      { materialized },
    );
  }
  const errors: string[] = [];
  if (Object.keys(node.columns).length === 0)
    errors.push('Constraints must be defined in a `yml` schema configuration file like `schema.yml`.');
  if (node.language !== 'sql') errors.push(`Language Error: Expected 'sql' but found '${node.language}'`);
  if (errors.length > 0)
    throw errorOf('contractNotEnforceable', { path: node.original_file_path, errors: errors.join('\n') });
}

function checkPrimaryKeys(node: Constrained, constraints: readonly ConstraintEntry[]): void {
  const columns: string[] = [];
  for (const column of Object.values(node.columns))
    for (const constraint of column.constraints) if (constraint.type === 'primary_key') columns.push(column.name);
  const errors: string[] = [];
  if (columns.length > 1) {
    errors.push(
      `Found ${columns.length} columns (${pyRepr(columns)}) with primary key constraints defined. Primary keys ` +
        'for multiple columns must be defined as a model level constraint.',
    );
  }
  if (
    columns.length > 0 &&
    (node.constraints.some((c) => c.type === 'primary_key') || constraints.some((c) => c.type === 'primary_key'))
  ) {
    errors.push(
      'Primary key constraints defined at the model level and the columns level. Primary keys can be defined ' +
        'at the model level or the column level, not both.',
    );
  }
  if (errors.length > 0) throw errorOf('badPrimaryKey', { path: node.original_file_path, errors: errors.join('\n') });
}
