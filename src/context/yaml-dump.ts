// `toyaml`: writes YAML as PyYAML's safe_dump does in block style.
import {
  bounded,
  enter,
  equals,
  floatRepr,
  isFloat,
  JinjaError,
  numericOf,
  PyDict,
  PySet,
  PyTuple,
  toText,
  typeName,
  type Value,
  walk,
} from '../values/index.ts';

const WIDTH = 80;

/**
 * `yaml.safe_dump(value, sort_keys=…)`.
 * @throws JinjaError for an object that YAML cannot represent
 */
export function dumpYaml(value: Value, sortKeys: boolean): string {
  const text = node(value, 0, sortKeys, false);
  const plain = !isCollection(value) || isEmpty(value);
  return plain
    ? `${text}\n${typeof value === 'string' && !isPlain(value) ? '' : isCollection(value) ? '' : '...\n'}`
    : `${text}\n`;
}

function isCollection(value: Value): boolean {
  return Array.isArray(value) || value instanceof PyDict || value instanceof PyTuple || value instanceof PySet;
}

function isEmpty(value: Value): boolean {
  return Array.isArray(value)
    ? value.length === 0
    : value instanceof PyDict
      ? value.size === 0
      : value instanceof PyTuple && value.items.length === 0;
}

/** Writes a value whose first line starts at the current column; further lines are indented by `indent`. */
function node(value: Value, indent: number, sortKeys: boolean, inSequence: boolean, column = indent): string {
  if (!isCollection(value)) return scalar(value, indent + (inSequence ? 0 : 2), column);
  const outside = enter();
  try {
    return bounded(collection(value, indent, sortKeys));
  } finally {
    walk.depth = outside;
  }
}

function collection(value: Value, indent: number, sortKeys: boolean): string {
  if (Array.isArray(value) || value instanceof PyTuple) {
    const items = Array.isArray(value) ? value : value.items;
    if (items.length === 0) return '[]';
    return items
      .map((item, i) => `${i === 0 ? '' : pad(indent)}- ${node(item, indent + 2, sortKeys, true)}`)
      .join('\n');
  }
  if (value instanceof PyDict) return mapping(value, indent, sortKeys);
  return mapping(new PyDict([...(value as PySet).values()].map((item) => [item, null] as const)), indent, sortKeys);
}

function mapping(dict: PyDict, indent: number, sortKeys: boolean): string {
  if (dict.size === 0) return '{}';
  const entries = [...dict.entries()];
  if (sortKeys) entries.sort(([a], [b]) => (toText(a) < toText(b) ? -1 : equals(a, b) ? 0 : 1));
  return entries
    .map(([key, item], i) => {
      const name = scalar(key, indent, indent);
      const head = `${i === 0 ? '' : pad(indent)}${name}:`;
      if (!isCollection(item) || isEmpty(item))
        return `${head} ${node(item, indent, sortKeys, false, indent + name.length + 2)}`;
      const deeper = item instanceof PyDict || item instanceof PySet ? indent + 2 : indent;
      return `${head}\n${pad(deeper)}${node(item, deeper, sortKeys, false)}`;
    })
    .join('\n');
}

function pad(width: number): string {
  return ' '.repeat(width);
}

/** @param column where the scalar begins; @param indent where its further lines begin */
function scalar(value: Value, indent: number, column: number): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'string') return stringScalar(value, indent, column);
  const number = numericOf(value);
  if (number !== undefined) return isFloat(value) ? floatText(Number(number)) : toText(value);
  if (typeof value === 'object' && !Array.isArray(value) && value.jinjaType.startsWith('datetime.date'))
    return toText(value);
  throw new JinjaError('ValueError', `cannot represent an object of type ${typeName(value)}`);
}

function floatText(number: number): string {
  if (Number.isNaN(number)) return '.nan';
  if (!Number.isFinite(number)) return number > 0 ? '.inf' : '-.inf';
  const text = floatRepr(number);
  return text.includes('e') && !text.includes('.') ? text.replace('e', '.0e') : text;
}

/** Plain scalars that YAML 1.1 would not read as text. */
const SPECIAL = new RegExp(
  [
    '^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL|<<|=|)$',
    '^[-+]?(?:[0-9][0-9_]*)\\.[0-9_]*(?:[eE][-+][0-9]+)?$',
    '^\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?$',
    '^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\\.[0-9_]*)?$',
    '^[-+]?\\.(?:inf|Inf|INF)$',
    '^\\.(?:nan|NaN|NAN)$',
    '^[-+]?0b[0-1_]+$',
    '^[-+]?0[0-7_]+$',
    '^[-+]?(?:0|[1-9][0-9_]*)$',
    '^[-+]?0x[0-9a-fA-F_]+$',
    '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
    '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]*)?(?:[ ' +
      '\\t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?$',
  ].join('|'),
);

function isPlain(text: string): boolean {
  if (SPECIAL.test(text) || /^[\s]|[\s]$|[\n\r\t]/.test(text)) return false;
  if (/^[,[\]{}#&*!|>'"%@`]/.test(text) || /^[?:-](?:\s|$)/.test(text) || /^(?:---|\.\.\.)/.test(text)) return false;
  if (/:(?:\s|$)|\s#/.test(text)) return false;
  return !/[^\x20-\x7e]/.test(text);
}

function stringScalar(text: string, indent: number, column: number): string {
  if (isPlain(text)) return fold(text, indent, column);
  if (/[^\x20-\x7e\n]/.test(text) || (/\n/.test(text) && /[ \t]\n|\n[ \t]/.test(text))) return doubleQuoted(text);
  if (text.includes('\n')) return `'${bounded(text.replaceAll("'", "''")).replaceAll('\n', `\n\n${pad(indent)}`)}'`;
  return `'${fold(text.replaceAll("'", "''"), indent, column + 1)}'`;
}

/** Breaks a long line at single spaces once it is wider than PyYAML allows. */
function fold(text: string, indent: number, start: number): string {
  if (text.length + start <= WIDTH) return text;
  let out = '';
  let column = start;
  let before = 0;
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf(' ', from);
    const word = text.slice(from, end === -1 ? text.length : end);
    if (column > WIDTH && word !== '' && before > 0) {
      out += `\n${pad(indent)}`;
      column = indent;
    } else if (from > 0) {
      out += ' ';
      column++;
    }
    out += word;
    column += word.length;
    before = word.length;
    from += word.length + 1;
  }
  return out;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\x1b': '\\e',
  '\f': '\\f',
  '\v': '\\v',
  '\x85': '\\N',
  '\xa0': '\\_',
};

function doubleQuoted(text: string): string {
  const body = text.replace(/[^\x20-\x7e]|["\\]/gu, (char) => {
    const known = ESCAPES[char];
    if (known !== undefined) return known;
    const code = char.codePointAt(0) ?? 0;
    if (code <= 0xff) return `\\x${hex(code, 2)}`;
    return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  });
  return `"${body}"`;
}

function hex(code: number, width: number): string {
  return code.toString(16).toUpperCase().padStart(width, '0');
}
