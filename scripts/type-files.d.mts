// Types of type-files.mjs for the tests.

/** Removes the declarations of a folder that none of its entries reaches. */
export function keepReached(folder: string, entries: readonly string[]): void;
