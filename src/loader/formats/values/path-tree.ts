// Finds the values of columns in a decoded message by path, and what remains of the message. Pure.
import type { Path, Step } from '../../settings/column-origin.ts';
import { ExactNumber } from './lossless-json.ts';

/** A node of the path tree: the columns that take its value, and child nodes. */
export interface PathNode {
  /** Column numbers. */
  readonly columns: number[];
  readonly children: Map<Step, PathNode>;
}

/**
 * @param paths of each column; null: its value is not from the message's value
 * @returns the root, which no column takes
 */
export function pathTree(paths: readonly (Path | null)[]): PathNode {
  const root: PathNode = { columns: [], children: new Map() };
  for (const [column, path] of paths.entries()) {
    if (path === null) continue;
    let node = root;
    for (const step of path) {
      let next = node.children.get(step);
      if (next === undefined) node.children.set(step, (next = { columns: [], children: new Map() }));
      node = next;
    }
    node.columns.push(column);
  }
  return root;
}

/** Maximum number of columns that may contain one byte of a message. */
export function overlap({ columns, children }: PathNode): number {
  return columns.length + Math.max(0, ...[...children.values()].map(overlap));
}

/** The value at a path; undefined if a step does not find its field or item, or its object or list. */
export function valueAt(from: unknown, path: Path): unknown {
  let value = from;
  for (const step of path) {
    if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/**
 * What remains of a value: objects without the fields taken by columns, lists with null in place of taken items. An
 * object or list from which everything is taken does not remain.
 * @returns undefined: nothing remains
 */
export function remainder(value: unknown, { columns, children }: PathNode): unknown {
  if (columns.length > 0) return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item, i) => {
      const child = children.get(i);
      return child === undefined ? item : remainder(item, child);
    });
    if (items.length > 0 && items.every((item) => item === undefined)) return undefined;
    return items.map((item) => item ?? null);
  }
  if (!isObject(value)) return value;
  const fields: Record<string, unknown> = Object.create(null);
  let taken = false;
  let left = false;
  for (const [name, field] of Object.entries(value)) {
    const child = children.get(name);
    const kept = child === undefined ? field : remainder(field, child);
    if (kept === undefined) taken = true;
    else {
      fields[name] = kept;
      left = true;
    }
  }
  return taken && !left ? undefined : fields;
}
