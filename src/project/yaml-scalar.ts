// Resolves plain YAML scalars as PyYAML does (YAML 1.1 with its own patterns): null, bool, int, float, date or text.
// The parsers handle quoting, folding and structure.
import { PyFloat } from '../values/float.ts';

const INTEGER =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const FLOAT = new RegExp(
  String.raw`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
    String.raw`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`,
);
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?$/;

/** null, booleans, numbers, text; a float with an integral value is a `PyFloat`, an int beyond 2^53 a bigint. */
export type YamlScalar = null | boolean | number | bigint | string | PyFloat;

const WORDS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ...['yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word): [string, boolean] => [word, true]),
  ...['no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word): [string, boolean] => [word, false]),
  ...['~', 'null', 'Null', 'NULL', ''].map((word): [string, null] => [word, null]),
]);

/**
 * The value of a plain scalar. Dates and timestamps become the text of Python's `isoformat()`, as wherever dbt renders
 * YAML.
 */
export function resolvePlainScalar(text: string): YamlScalar {
  if (text.length === 0) return null;
  const first = text.charCodeAt(0);
  // Digits, sign and dot start numbers and dates; only a few letters start a word that is not text.
  if ((first >= 48 && first <= 57) || first === 45 || first === 43 || first === 46) return resolveNumber(text);
  if (text.length <= 5) {
    const word = WORDS.get(text);
    if (word !== undefined) return word;
  }
  return text;
}

/** The value of an explicit `!!int` or `!!float`. */
export function resolveTagged(tag: string, text: string): YamlScalar | undefined {
  switch (tag) {
    case 'tag:yaml.org,2002:str':
      return text;
    case 'tag:yaml.org,2002:null':
      return null;
    case 'tag:yaml.org,2002:bool': {
      const word = WORDS.get(text.toLowerCase());
      return typeof word === 'boolean' ? word : undefined;
    }
    case 'tag:yaml.org,2002:int':
      return INTEGER.test(text) ? integer(text) : undefined;
    case 'tag:yaml.org,2002:float':
      return FLOAT.test(text) || INTEGER.test(text) ? float(text) : undefined;
    case 'tag:yaml.org,2002:timestamp':
      return isoTimestamp(text);
    default:
      return undefined;
  }
}

function resolveNumber(text: string): YamlScalar {
  if (INTEGER.test(text)) return integer(text);
  if (FLOAT.test(text)) return float(text);
  return isoTimestamp(text) ?? text;
}

function integer(source: string): number | bigint {
  let text = source.replaceAll('_', '');
  let negative = false;
  if (text[0] === '-' || text[0] === '+') {
    negative = text[0] === '-';
    text = text.slice(1);
  }
  let value: bigint;
  if (text === '0') return 0;
  if (text.startsWith('0b')) value = BigInt(text);
  else if (text.startsWith('0x')) value = BigInt(text);
  else if (text[0] === '0') value = BigInt(`0o${text.slice(1)}`);
  else if (text.includes(':')) value = text.split(':').reduce((sum, digit) => sum * 60n + BigInt(digit), 0n);
  else value = BigInt(text);
  if (negative) value = -value;
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

function float(source: string): number | PyFloat {
  let text = source.replaceAll('_', '').toLowerCase();
  let sign = 1;
  if (text[0] === '-' || text[0] === '+') {
    sign = text[0] === '-' ? -1 : 1;
    text = text.slice(1);
  }
  let value: number;
  if (text === '.inf') value = Number.POSITIVE_INFINITY;
  else if (text === '.nan') value = Number.NaN;
  else if (text.includes(':')) value = text.split(':').reduce((sum, digit) => sum * 60 + Number(digit), 0);
  else value = Number(text);
  value *= sign;
  return Number.isInteger(value) ? new PyFloat(value) : value;
}

/** `isoformat()` of the date or datetime that PyYAML builds, or undefined when the text is neither. */
export function isoTimestamp(text: string): string | undefined {
  if (text.length < 8 || text[4] !== '-') return undefined;
  if (DATE.test(text)) return text;
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone, sign, zoneHour, zoneMinute = '00'] = match;
  const micros = fraction.slice(0, 6).padEnd(6, '0');
  const tail = Number(micros) === 0 ? '' : `.${micros}`;
  const offset =
    zone === undefined ? '' : zone === 'Z' ? '+00:00' : `${sign}${zoneHour?.padStart(2, '0')}:${zoneMinute}`;
  const date = `${year}-${month?.padStart(2, '0')}-${day?.padStart(2, '0')}`;
  return `${date}T${hour?.padStart(2, '0')}:${minute}:${second}${tail}${offset}`;
}
