// Strips storage wrappers from a ClickHouse type. Pure.

/** Returns the type of the values of a SimpleAggregateFunction, or null for other types. */
export function mergedType(plain: string): string | null {
  return /^SimpleAggregateFunction\(\w+(?:\([^()]*\))?, (.*)\)$/.exec(plain)?.[1] ?? null;
}

/** Returns the type inside Nullable and LowCardinality. */
export function plainType(type: string): string {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/.exec(type)?.[1];
  return inner === undefined ? type : plainType(inner);
}
