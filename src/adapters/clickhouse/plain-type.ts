// A type of ClickHouse without what says how it is kept. Pure.

/** The type inside of Nullable and LowCardinality. */
export function plainType(type: string): string {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/.exec(type)?.[1];
  return inner === undefined ? type : plainType(inner);
}
