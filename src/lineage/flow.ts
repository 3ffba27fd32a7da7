// What flows into a value: source columns with the strongest kind of each, and columns that decide which rows there
// are. Columns are compared by identity, kinds and roles are numbers, because a wide query has many of them.
import type { EdgeKind, OutputColumn, Source, SourceColumn, Use, UseRole } from './column-lineage.ts';

/** Kinds by strength. `PLAIN` is identical or renamed, which only the output's name decides. */
export const PLAIN = 0;
export const CAST = 1;
export const EXPRESSION = 2;
export const AGGREGATE = 3;
export const WINDOW = 4;
const KIND_NAMES: readonly EdgeKind[] = ['renamed', 'cast', 'expression', 'aggregate', 'window'];

/** Roles as bits. */
export const FILTER = 1;
export const JOIN = 2;
export const GROUP = 4;
export const ORDER = 8;
const ROLE_NAMES: readonly [number, UseRole][] = [
  [FILTER, 'filter'],
  [JOIN, 'join'],
  [GROUP, 'group'],
  [ORDER, 'order'],
];

/** Immutable once it is in a table. */
export interface Flow {
  readonly sources: ReadonlyMap<SourceColumn, number>;
  readonly uses: ReadonlyMap<SourceColumn, number>;
  /** Why something may be missing. */
  readonly reason: string | null;
}

export const NOTHING: Flow = { sources: new Map(), uses: new Map(), reason: null };

export function unknownFlow(reason: string): Flow {
  return { ...NOTHING, reason };
}

/** A flow that is being collected. */
export class Gathered implements Flow {
  readonly sources = new Map<SourceColumn, number>();
  readonly uses = new Map<SourceColumn, number>();
  reason: string | null = null;

  /** Adds a value with at least this kind. */
  add(flow: Flow, kind = PLAIN): this {
    for (const [column, known] of flow.sources)
      this.sources.set(column, Math.max(known, kind, this.sources.get(column) ?? PLAIN));
    return this.addUses(flow);
  }

  /** Adds a value that only decides rows. */
  use(flow: Flow, role: number): this {
    for (const column of flow.sources.keys()) this.uses.set(column, (this.uses.get(column) ?? 0) | role);
    return this.addUses(flow);
  }

  addUses(flow: Flow): this {
    for (const [column, roles] of flow.uses) this.uses.set(column, (this.uses.get(column) ?? 0) | roles);
    this.reason ??= flow.reason;
    return this;
  }
}

/** The same flow with at least this kind. */
export function raised(flow: Flow, kind: number): Flow {
  return flow.sources.size === 0 ? flow : new Gathered().add(flow, kind);
}

export function mergedFlow(flows: readonly Flow[], kind = PLAIN): Flow {
  const all = new Gathered();
  for (const flow of flows) all.add(flow, kind);
  return all;
}

/** @param rows the flow of the query's rows: if it is incomplete, so is each column */
export function outputColumn(column: string, flow: Flow, rows: Flow): OutputColumn {
  const sources = [...flow.sources].map(([source, kind]): Source => {
    const name = kind === PLAIN && source.column === column ? 'identical' : KIND_NAMES[kind];
    return { ...source, kind: name ?? 'expression' };
  });
  return { column, reason: flow.reason ?? rows.reason, sources, uses: usesOf(flow) };
}

export function usesOf({ uses }: Flow): Use[] {
  return [...uses].flatMap(([column, roles]) =>
    ROLE_NAMES.filter(([bit]) => (roles & bit) !== 0).map(([, role]) => ({ ...column, role })),
  );
}
