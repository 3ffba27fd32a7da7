// Converts the text of an option to its value, with click's error messages; for the command line and the environment.
// flags.ts sets precedence.
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { type ErrorDetails, TsdbtError } from '../errors.ts';
import { EVENTS } from '../events/index.ts';
import type { OptionSpec } from './option-spec.ts';
import { pyStr } from '../values/python-text.ts';
import { asDictionary, loadYamlVars } from './yaml.ts';

const TRUE = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const FALSE = new Set(['0', 'false', 'f', 'no', 'n', 'off', '']);

/** Click's name of an option in an error. */
function optionLabel(spec: OptionSpec): string {
  return spec.names.map((name) => `'${name}'`).join(' / ');
}

/**
 * Converts an option.
 * @param raw the text; for a `list` on the command line, its words
 * @throws TsdbtError `usage` with click's message
 */
export function convertOption(spec: OptionSpec, raw: string | readonly string[]): unknown {
  const text = typeof raw === 'string' ? raw : raw.join(' ');
  const refuse = (why: string, details: ErrorDetails = {}): never => {
    throw errorOf('badOptionText', { option: optionLabel(spec), why }, details);
  };
  switch (spec.kind) {
    case 'switch':
    case 'pair': {
      const word = text.trim().toLowerCase();
      if (TRUE.has(word)) return true;
      if (FALSE.has(word)) return false;
      return refuse(`'${text}' is not a valid boolean. Recognized values: ${[...TRUE, ...FALSE].sort().join(', ')}`);
    }
    case 'integer': {
      if (!/^\s*[-+]?\d+\s*$/.test(text)) refuse(`'${text}' is not a valid integer.`);
      return Number(text);
    }
    case 'choice':
      return choice(spec, text, refuse);
    case 'list': {
      const words = (typeof raw === 'string' ? raw.split(/\s+/) : raw.flatMap((word) => word.split(' '))).filter(
        (word) => word !== '',
      );
      return spec.choices === undefined ? words : words.map((word) => choice(spec, word, refuse));
    }
    case 'yaml':
      return limited(
        spec,
        yamlDictionary(text) ??
          refuse(
            `String '${text.replace(/(DBT_(?:ENGINE_)?ENV_SECRET\w*["']?\s*:\s*)[^\s,}]+/g, '$1*****')}' is not ` +
              'valid YAML',
            { code: EVENTS.InvalidOptionYAML.code },
          ),
        refuse,
      );
    case 'path':
      return path(spec, text, refuse);
    case 'datetime':
      return (
        datetime(text) ??
        refuse(`'${text}' does not match the formats '%Y-%m-%d', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M:%S'.`)
      );
    case 'package': {
      const [name = '', version, ...rest] = text.split('@');
      return rest.length > 0 || version === undefined ? { name: text, version: null } : { name, version };
    }
    case 'text':
    case 'sample':
      return text;
    default:
      return spec.kind satisfies never;
  }
}

/** Values of limits as dbt accepts them. @returns the dictionary unchanged */
function limited(spec: OptionSpec, dictionary: { [key: string]: Json }, refuse: (why: string) => never) {
  if (spec.limits === undefined) return dictionary;
  for (const [name, value] of Object.entries(dictionary)) {
    if (!spec.limits.includes(name))
      refuse(`Unknown ${spec.name} option: ${name}. Valid options: ${spec.limits.join(', ')}`);
    const none = value === null || (typeof value === 'string' && value.toLowerCase() === 'none');
    const whole =
      typeof value === 'string' ? /^\s*[+-]?\d+(?:_\d+)*\s*$/.test(value) : /^(?:number|boolean)$/.test(typeof value);
    if (!none && !whole) refuse(`Value for ${name} must be an integer, got: ${pyStr(value)}`);
  }
  return dictionary;
}

function choice(spec: OptionSpec, text: string, refuse: (why: string) => never): string {
  const choices = spec.choices ?? [];
  return (
    choices.find((candidate) => candidate.toLowerCase() === text.toLowerCase()) ??
    refuse(`'${text}' is not one of ${choices.map((candidate) => `'${candidate}'`).join(', ')}.`)
  );
}

function path(spec: OptionSpec, text: string, refuse: (why: string) => never): string {
  if (spec.exists === true && !existsSync(text)) refuse(`Path '${text}' does not exist.`);
  const folder = spec.name === 'state' || spec.name === 'defer_state';
  if (folder && existsSync(text) && !statSync(text).isDirectory()) refuse(`Directory '${text}' is a file.`);
  return spec.name === 'log_path' ? resolve(text) : text;
}

function yamlDictionary(text: string): { [key: string]: Json } | undefined {
  try {
    return asDictionary(loadYamlVars(text, null));
  } catch (error) {
    if (error instanceof TsdbtError) return undefined;
    throw error;
  }
}

/** ISO text of one of the three formats of click's DateTime. */
function datetime(text: string): string | undefined {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2}):(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const valid =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return valid ? date.toISOString().slice(0, 19) : undefined;
}
