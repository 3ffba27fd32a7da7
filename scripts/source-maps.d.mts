// Types of source-maps.mjs for the tests.

/** The same source map without the places that differ from the one before only by their column. */
export function linesOnly(json: string): string;
