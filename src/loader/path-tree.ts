// Which values of a message columns take, by path; finds them in a decoded message, and what they leave of it. Pure.
import type { Path, Step } from './column-origin.ts';
import { ExactNumber } from './json.ts';

/** A place in a message: the columns that take what is there, and places within it. */
export interface PathNode {
  /** Numbers of columns. */
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

/** How many columns may hold one and the same byte of a message. */
export function overlap({ columns, children }: PathNode): number {
  return columns.length + Math.max(0, ...[...children.values()].map(overlap));
}

/** The value at a path; undefined where a step finds no such field or item, or no object or list. */
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
 * What columns leave of a value: objects without the fields that they take, lists with null in place of items. An
 * object or a list of which they take all that it has is not left either.
 * @returns undefined: nothing is left
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
