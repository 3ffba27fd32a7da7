// Compiled scripts of built-in macros. The build replaces this file's text (scripts/build-macros.mjs). A program run
// from source, and the library, have no scripts: they translate each macro on its first call.
import type { PreparedMacro } from '../jinja/index.ts';

/** Returns the scripts of a package by `macroKey`; undefined if there are none. */
export function builtInScripts(_packageName: string): Readonly<Record<string, PreparedMacro>> | undefined {
  return undefined;
}
