// Types of compare-manifests.mjs, for the tests that use it.
export function comparable(manifest: unknown, options?: { macros?: boolean }): unknown;
export function differences(ours: unknown, theirs: unknown): string[];
