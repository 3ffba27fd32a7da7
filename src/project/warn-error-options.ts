// Interprets `warn_error_options`: which warnings become errors, stay warnings or are silenced. The logger applies the
// result.
import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { pyStr } from '../values/python-text.ts';
import { EVENT_NAMES, V2_EVENT_NAMES } from './event-names.ts';

export interface WarnErrorOptions {
  readonly error: 'all' | readonly string[];
  readonly warn: readonly string[];
  readonly silence: readonly string[];
}

const GROUP = 'Deprecations';

/**
 * Checks the options and converts old spellings (`include`, `exclude`, `*`) to current ones.
 * @param onOldSpelling called for `include` and `exclude`
 * @throws TsdbtError in dbt's words
 */
export function normalizeWarnErrorOptions(
  options: { readonly [key: string]: Json },
  onOldSpelling: (facts: { description: string }) => void,
): WarnErrorOptions {
  const include = 'include' in options;
  const exclude = 'exclude' in options;
  if (include || exclude) {
    const found = [...(include ? ['`include`'] : []), ...(exclude ? ['`exclude`'] : [])].join(' and ');
    onOldSpelling({
      description:
        `Found ${found} in \`warn_error_options\` specification.` +
        (include ? ' Please use `error` instead of `include`.' : '') +
        (exclude ? ' Please use `warn` instead of `exclude`.' : ''),
    });
  }
  const error = spelledTwice(options, 'error', 'include') ?? [];
  const warn = names(spelledTwice(options, 'warn', 'exclude') ?? []);
  const silence = names(options['silence'] ?? []);
  if (typeof error === 'string' && error !== 'all' && error !== '*') {
    throw errorOf('badErrorOption', {});
  }
  const errors = typeof error === 'string' ? 'all' : names(error);
  if (warn.length > 0 && errors !== 'all' && !errors.includes(GROUP) && !silence.includes(GROUP)) {
    throw errorOf('warnWithoutError', {});
  }
  return { error: errors, warn, silence };
}

/** The effect of the options on a warning event. @param code dbt's code: deprecations start with D */
export function warningDisposition(
  options: WarnErrorOptions,
  name: string,
  code: string,
): 'error' | 'warn' | 'silence' {
  if (options.silence.includes(name)) return 'silence';
  if (options.warn.includes(name)) return 'warn';
  if (options.error !== 'all' && options.error.includes(name)) return 'error';
  if (code.startsWith('D')) {
    if (options.silence.includes(GROUP)) return 'silence';
    if (options.warn.includes(GROUP)) return 'warn';
    if (options.error !== 'all' && options.error.includes(GROUP)) return 'error';
  }
  return options.error === 'all' ? 'error' : 'warn';
}

function spelledTwice(options: { readonly [key: string]: Json }, primary: string, old: string): Json | undefined {
  if (isSet(options[primary]) && isSet(options[old])) {
    throw errorOf('warnOptionTwice', { old, new: primary });
  }
  return (old in options ? options[old] : options[primary]) ?? undefined;
}

function isSet(value: Json | undefined): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** Names, without those that only the v2 engine has. */
function names(value: Json): string[] {
  const list = (Array.isArray(value) ? value : [value])
    .map((name) => pyStr(name))
    .filter((name) => !V2_EVENT_NAMES.has(name));
  const unknown = list.find((name) => name !== GROUP && !EVENT_NAMES.has(name));
  if (unknown !== undefined) throw errorOf('unknownEventName', { name: unknown });
  return list;
}
