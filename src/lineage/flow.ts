// What flows into a value: source columns with the strongest kind of each, and columns that decide which rows there
// are. Columns are compared by identity, kinds and roles are numbers, because a wide query has many of them.
import type { EdgeKind, OutputColumn, Source, SourceColumn, Use, UseRole } from './column-lineage.ts';
import { KIND_BITS, type Masks } from './masks.ts';

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

const KIND = (1 << KIND_BITS) - 1;

/** The stronger kind, and the masks that both paths pass through. */
export function joinedKind(one: number, other: number): number {
  return Math.max(one & KIND, other & KIND) | (one & other & ~KIND);
}

/** A kind for the order of flows: it grows when paths are added. */
export function kindWeight(kind: number): number {
  let masks = kind >>> KIND_BITS;
  let weight = 32 + (kind & KIND);
  for (; masks !== 0; masks &= masks - 1) weight--;
  return weight;
}

/** Immutable once it is in a table. */
export interface Flow {
  /** Kinds with the bits of masks. */
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

  /** Adds a value with at least this kind. @param masks bits of the masks that it passes through */
  add(flow: Flow, kind = PLAIN, masks = 0): this {
    for (const [column, known] of flow.sources) {
      const added = Math.max(known & KIND, kind) | (known & ~KIND) | masks;
      const before = this.sources.get(column);
      this.sources.set(column, before === undefined ? added : joinedKind(before, added));
    }
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

/** The same flow with at least this kind. @param masks that it passes through */
export function raised(flow: Flow, kind: number, masks = 0): Flow {
  return flow.sources.size === 0 ? flow : new Gathered().add(flow, kind, masks);
}

/** A flow that passed through masks. */
export function masked(flow: Flow, masks: number): Flow {
  return masks === 0 ? flow : raised(flow, PLAIN, masks);
}

export function mergedFlow(flows: readonly Flow[], kind = PLAIN): Flow {
  const all = new Gathered();
  for (const flow of flows) all.add(flow, kind);
  return all;
}

/** @param rows the flow of the query's rows: if it is incomplete, so is each column */
export function outputColumn(column: string, flow: Flow, rows: Flow, masks: Masks): OutputColumn {
  const sources = [...flow.sources].map(([source, all]): Source => {
    const kind = all & KIND;
    const name = kind === PLAIN && source.column === column ? 'identical' : KIND_NAMES[kind];
    const through = all === kind ? [] : masks.namesOf(all);
    return { ...source, kind: name ?? 'expression', ...(through.length > 0 && { masks: through }) };
  });
  return { column, reason: flow.reason ?? rows.reason, sources, uses: usesOf(flow) };
}

export function usesOf({ uses }: Flow): Use[] {
  return [...uses].flatMap(([column, roles]) =>
    ROLE_NAMES.filter(([bit]) => (roles & bit) !== 0).map(([, role]) => ({ ...column, role })),
  );
}
