// Strips storage wrappers from a ClickHouse type. Pure.

/** Returns the type inside Nullable and LowCardinality. */
export function plainType(type: string): string {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/.exec(type)?.[1];
  return inner === undefined ? type : plainType(inner);
}
