// Gives the scripts of built-in macros: the build puts its own text in the place of this (scripts/build-macros.mjs).
// A program that runs from its sources, and the library, have none: they translate a macro when it is first called.
import type { PreparedMacro } from '../jinja/index.ts';

/** Scripts of a package by `macroKey`; undefined: there are none. */
export function builtInScripts(_packageName: string): Readonly<Record<string, PreparedMacro>> | undefined {
  return undefined;
}
