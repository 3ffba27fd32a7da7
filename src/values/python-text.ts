// Python's str(), repr() and type names of values read from YAML; test names and hashes are made from them. Template
// values are in src/values/text.ts.
import { PyFloat } from './float.ts';

/** `str(value)`. */
export function pyStr(value: unknown): string {
  return typeof value === 'string' ? value : pyRepr(value);
}

/** `repr(value)` of null, booleans, numbers, text, lists and dicts. */
export function pyRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  switch (typeof value) {
    case 'string':
      return reprText(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isInteger(value) ? String(value) : reprFloat(value);
    default:
      break;
  }
  if (value instanceof PyFloat) return reprFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(pyRepr).join(', ')}]`;
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value as Record<string, unknown>))
    parts.push(`${reprText(key)}: ${pyRepr(item)}`);
  return `{${parts.join(', ')}}`;
}

/** `str(type(value))`: `<class 'list'>`. */
export function pyTypeText(value: unknown): string {
  return `<class '${pyTypeName(value)}'>`;
}

/** `int`, `str`, `dict` … */
export function pyTypeName(value: unknown): 'NoneType' | 'bool' | 'int' | 'float' | 'str' | 'list' | 'dict' {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (value instanceof PyFloat) return 'float';
  return Array.isArray(value) ? 'list' : 'dict';
}

function reprFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [digits = '', exponent = ''] = value.toExponential().split('e');
    const size = exponent.slice(1).padStart(2, '0');
    return `${digits}e${exponent[0]}${size}`;
  }
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

const PLAIN = /^[ -&(-[\]-~]*$/;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

function reprText(text: string): string {
  if (PLAIN.test(text)) return `'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of text) {
    if (char === quote || char === '\\') out += `\\${char}`;
    else if (char === '\n') out += '\\n';
    else if (char === '\r') out += '\\r';
    else if (char === '\t') out += '\\t';
    else if (UNPRINTABLE.test(char)) out += escapeCode(char.codePointAt(0) ?? 0);
    else out += char;
  }
  return out + quote;
}

function escapeCode(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}
