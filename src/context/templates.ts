// The template environments of a command, with dbt's settings: one for running, and one for parsing, in which an
// undefined name evaluates to itself.
import { createHash } from 'node:crypto';
import { Environment, type PreparedMacro } from '../jinja/index.ts';
import { builtInScripts } from './built-in-scripts.ts';

export interface TemplateEnvironments {
  /** Used for macros, and for everything at run time. */
  readonly runtime: Environment;
  /** Used for the code of nodes during parsing: an unknown name can be used in any way. */
  readonly parse: Environment;
}

/** CPU time of the process in milliseconds: the time limit of templates does not depend on other processes. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The key of a macro's script: a hash of the macro's text. */
export function macroKey(source: string): string {
  return createHash('md5').update(source, 'utf8').digest('base64url');
}

const scripts = new Map<string, ReturnType<typeof builtInScripts>>();

/** Returns the script of a built-in macro. @param uniqueId of the macro; other names have no script */
function preparedMacro(source: string, uniqueId: string): PreparedMacro | undefined {
  const [kind, packageName = ''] = uniqueId.split('.', 2);
  if (kind !== 'macro') return undefined;
  if (!scripts.has(packageName)) scripts.set(packageName, builtInScripts(packageName));
  return scripts.get(packageName)?.[macroKey(source)];
}

/** Creates both environments for a command. */
export function createTemplateEnvironments(): TemplateEnvironments {
  const limits = { clock: processorMs };
  return {
    runtime: new Environment({ undefined: 'default', limits, prepared: preparedMacro }),
    parse: new Environment({ undefined: 'capture', limits }),
  };
}

const HAS_JINJA = /\{[{%#]|[#}%]\}/;

/** Whether a text can contain a template; other texts render to themselves. */
export function hasJinja(text: string): boolean {
  return HAS_JINJA.test(text);
}

/** Returns the 1-based line on which a part of a file begins; undefined if the file does not contain it. */
export function lineOf(file: string | null | undefined, part: string): number | undefined {
  if (file === null || file === undefined) return undefined;
  const at = file.indexOf(part);
  return at < 0 ? undefined : file.slice(0, at).split('\n').length;
}
