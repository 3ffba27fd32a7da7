// The template environments of a command: one for running, one for parsing (an undefined name evaluates to itself),
// with dbt's settings. Leaves what templates can see to the scopes.
import { createHash } from 'node:crypto';
import { Environment, type PreparedMacro } from '../jinja/index.ts';
import { builtInScripts } from './built-in-scripts.ts';

export interface TemplateEnvironments {
  /** Macros always, and everything while running. */
  readonly runtime: Environment;
  /** Code of nodes while parsing: an unknown name may be used like anything. */
  readonly parse: Environment;
}

/** CPU time of the program, in milliseconds: a template's time limit does not depend on other processes. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The name of a macro's script: a hash of the macro's text. */
export function macroKey(source: string): string {
  return createHash('md5').update(source, 'utf8').digest('base64url');
}

const scripts = new Map<string, ReturnType<typeof builtInScripts>>();

/** The script of a built-in macro. @param uniqueId of the macro; any other name has no script */
function preparedMacro(source: string, uniqueId: string): PreparedMacro | undefined {
  const [kind, packageName = ''] = uniqueId.split('.', 2);
  if (kind !== 'macro') return undefined;
  if (!scripts.has(packageName)) scripts.set(packageName, builtInScripts(packageName));
  return scripts.get(packageName)?.[macroKey(source)];
}

/** Creates both; one pair serves a whole command. */
export function createTemplateEnvironments(): TemplateEnvironments {
  const limits = { clock: processorMs };
  return {
    runtime: new Environment({ undefined: 'default', limits, prepared: preparedMacro }),
    parse: new Environment({ undefined: 'capture', limits }),
  };
}

const HAS_JINJA = /\{[{%#]|[#}%]\}/;

/** Whether a text can hold a template; other texts render to themselves. */
export function hasJinja(text: string): boolean {
  return HAS_JINJA.test(text);
}

/** The line of a file, from 1, on which a part of it begins; undefined when it is not there. */
export function lineOf(file: string | null | undefined, part: string): number | undefined {
  if (file === null || file === undefined) return undefined;
  const at = file.indexOf(part);
  return at < 0 ? undefined : file.slice(0, at).split('\n').length;
}
