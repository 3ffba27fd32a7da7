// Parses ClickHouse types as the server writes them (`Array(Nullable(DateTime64(3, 'UTC')))`). Pure.
import { bare, expressions } from './table-options.ts';

export interface Type {
  /** Without arguments: `DateTime64`. */
  readonly name: string;
  readonly args: readonly string[];
  /** Accepts NULL. */
  readonly nullable: boolean;
}

/** @param written as in `system.columns` */
export function parseType(written: string): Type {
  const text = written.trim();
  const open = text.indexOf('(');
  if (open < 0 || !text.endsWith(')')) return { name: text, args: [], nullable: false };
  const [name, args] = [text.slice(0, open).trim(), expressions(text.slice(open + 1, -1))];
  const [first = '', second = ''] = args;
  if (name === 'Nullable') return { ...parseType(first), nullable: true };
  if (name === 'LowCardinality') return parseType(first);
  // The value of an aggregate function that needs no separate state.
  if (name === 'SimpleAggregateFunction') return parseType(second);
  return { name, args, nullable: false };
}

/** A type without what does not affect its values: LowCardinality, Nullable, the time zone for display. */
export function comparedType(written: string): string {
  const { name, args: all } = parseType(written);
  const args = name.startsWith('DateTime') ? all.filter((arg) => !arg.startsWith("'")) : all;
  return args.length === 0 ? name : `${name}(${args.join(', ')})`;
}

/** Name and type of each element of a Tuple; a name is null if there is none. */
export function elementsOf({ args }: Type): readonly { readonly name: string | null; readonly type: string }[] {
  return args.map((element) => {
    const named = /^(`(?:[^`\\]|\\.)+`|"[^"]+"|[A-Za-z_]\w*)\s+(?=[A-Za-z])([\s\S]+)$/.exec(element);
    return named === null
      ? { name: null, type: element }
      : { name: bare(named[1] ?? '').replace(/\\(.)/g, '$1'), type: named[2] ?? '' };
  });
}

/** Names of an enum with their numbers; as in a declaration, one without a number follows the one before. */
export function labelsOf({ args }: Type): ReadonlyMap<string, string> {
  let next = 1;
  return new Map(
    args.flatMap((label) => {
      const match = /^'((?:[^'\\]|\\[\s\S])*)'(?:\s*=\s*(-?\d+))?$/.exec(label);
      if (match === null) return [];
      const number = match[2] ?? String(next);
      next = Number(number) + 1;
      return [[(match[1] ?? '').replace(/\\([\s\S])/g, '$1'), number] as const];
    }),
  );
}

/** The text of an argument in quotes; null without one. */
export function quotedArgument(args: readonly string[]): string | null {
  const found = args.find((arg) => arg.startsWith("'"));
  return found === undefined ? null : found.slice(1, -1);
}
