// Expressions in `order_by`, `partition_by` and `primary_key`, which the local engine checks as keys of a table.
import type { TableKey } from '../adapters/empty-relations.ts';
import type { ModelNode } from '../contracts/node.ts';
import type { TsdbtError } from '../errors.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { COLUMN_NAME, settingFinding, topLevelParts } from './declared-columns.ts';
import type { EmptyProject } from './local-engine.ts';

const KEYS: readonly TableKey['setting'][] = ['order_by', 'partition_by', 'primary_key'];

/**
 * The mistakes that the engine finds in the key expressions of a model whose relation exists there.
 * @param spareName returns the name of a relation that no query reads
 */
export async function keyMistakes(
  parsed: ParsedProject,
  { database, session }: EmptyProject,
  node: ModelNode,
  spareName: () => string,
): Promise<TsdbtError[]> {
  const found: TsdbtError[] = [];
  for (const key of keyExpressions(node)) {
    const sql = database.createKeyed?.(spareName(), node.relation_name ?? '', key) ?? null;
    const error = sql === null ? null : await session.attempt(sql, true);
    if (error === null) continue;
    const verdict = await database.judge(session, error, { tables: [], missing: false });
    if (verdict.kind === 'mistake') found.push(expressionFinding(parsed, node, key, error));
  }
  return found;
}

/** Settings of a table that are more than names of columns, as SQL. */
function keyExpressions({ config }: ModelNode): TableKey[] {
  if (!/incremental|table/.test(String(config.materialized))) return [];
  const engine = typeof config['engine'] === 'string' ? config['engine'] : null;
  return KEYS.flatMap((setting) => {
    const value: unknown = config[setting];
    const parts = [value ?? []].flat().filter((each): each is string => typeof each === 'string');
    const expression = parts.join(', ');
    const names = topLevelParts(expression);
    return names.length > 0 && names.every((each) => COLUMN_NAME.test(each.trim()))
      ? []
      : { setting, expression, engine };
  });
}

/** An expression in a setting that the engine rejects. */
function expressionFinding(
  parsed: ParsedProject,
  node: ModelNode,
  { setting, expression }: TableKey,
  error: TsdbtError,
): TsdbtError {
  const [first = ''] = error.message.split('\n');
  const [, column] = /Missing columns: '([^']*)'|identifier [`']([^`']*)[`']/.exec(first)?.filter((x) => x) ?? [];
  const message =
    column === undefined
      ? `${setting} is "${expression}": ${first}`
      : `${setting} is "${expression}", but the ${node.resource_type} does not output "${column}"`;
  return settingFinding(parsed, node, setting, column ?? expression, message);
}
