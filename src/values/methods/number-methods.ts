// Attributes of int, bool and float.
import { narrow } from '../arithmetic.ts';
import { PyBytes } from '../bytes.ts';
import { floatRatio } from '../calendar.ts';
import { callable } from '../callable.ts';
import { makeFloat } from '../float.ts';
import { JinjaError, typeError, valueError } from '../python-error.ts';
import { PyTuple } from '../tuple.ts';
import type { Value } from '../value.ts';

/** Returns the attribute `name` of a number, or `undefined`. Numbers that are not whole are floats. */
export function getNumberMethod(self: boolean | number | bigint | undefined, name: string): Value | undefined {
  const v = typeof self === 'boolean' ? Number(self) : (self ?? 0);
  if (typeof v === 'number' && !Number.isInteger(v)) return getFloatMethod(v, name);
  switch (name) {
    case 'real':
    case 'numerator':
      return v;
    case 'imag':
      return 0;
    case 'denominator':
      return 1;
    case 'as_integer_ratio':
      return callable(name, '', () => new PyTuple([v, 1]));
    case 'bit_length':
      return () => (v === 0 || v === 0n ? 0 : BigInt(v).toString(2).replace('-', '').length);
    case 'bit_count':
      return callable(name, '', () => BigInt(v).toString(2).replaceAll(/[-0]/g, '').length);
    case 'conjugate':
      return () => v;
    case 'to_bytes':
      return callable(name, "length=1, byteorder='big', *, signed=False", (length, order, signed) =>
        toBytes(BigInt(v), Number(length), isLittle(order), signed === true),
      );
    case 'from_bytes':
      return callable(name, "bytes, byteorder='big', *, signed=False", (bytes, order, signed) => {
        if (!(bytes instanceof PyBytes)) throw typeError('cannot convert the argument to bytes');
        const digits = isLittle(order) ? bytes.bytes.toReversed() : bytes.bytes;
        const n = BigInt(`0x0${Buffer.from(digits).toString('hex')}`);
        return narrow(signed === true ? BigInt.asIntN(digits.length * 8, n) : n);
      });
    default:
      return undefined;
  }
}

/** Returns the attribute `name` of a float, or `undefined`. */
export function getFloatMethod(v: number, name: string): Value | undefined {
  switch (name) {
    case 'is_integer':
      return () => Number.isInteger(v);
    case 'real':
      return makeFloat(v);
    case 'imag':
      return makeFloat(0);
    case 'conjugate':
      return callable(name, '', () => makeFloat(v));
    case 'as_integer_ratio':
      return callable(name, '', () => {
        if (!Number.isFinite(v)) {
          throw Number.isNaN(v)
            ? valueError('cannot convert NaN to integer ratio')
            : new JinjaError('OverflowError', 'cannot convert Infinity to integer ratio');
        }
        return new PyTuple(floatRatio(v).map(narrow));
      });
    case 'hex':
      return callable(name, '', () => toHex(v));
    case 'fromhex':
      return callable(name, 'string', (text) => makeFloat(fromHex(String(text))));
    default:
      return undefined;
  }
}

function isLittle(order: Value | undefined): boolean {
  if (order !== 'big' && order !== 'little') throw valueError("byteorder must be either 'little' or 'big'");
  return order === 'little';
}

function toBytes(n: bigint, length: number, little: boolean, signed: boolean): PyBytes {
  if (!(length >= 0 && length <= 1e6)) throw valueError('length argument must be non-negative');
  if (n < 0n && !signed) throw new JinjaError('OverflowError', "can't convert negative int to unsigned");
  const fits = signed ? BigInt.asIntN(length * 8, n) === n : n < 1n << BigInt(length * 8);
  if (!fits) throw new JinjaError('OverflowError', 'int too big to convert');
  const digits = BigInt.asUintN(length * 8, n)
    .toString(16)
    .padStart(length * 2, '0');
  const bytes = new Uint8Array(Buffer.from(length === 0 ? '' : digits, 'hex'));
  return new PyBytes(little ? bytes.toReversed() : bytes);
}

/** A double as Python writes it in hexadecimal: `0x1.8000000000000p+0`. */
function toHex(v: number): string {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? 'nan' : v < 0 ? '-inf' : 'inf';
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, v);
  const sign = bits.getUint8(0) >> 7 ? '-' : '';
  if (v === 0) return `${sign}0x0.0p+0`;
  const exponent = (bits.getUint16(0) >> 4) & 0x7ff;
  const fraction = (bits.getBigUint64(0) & 0xfffffffffffffn).toString(16).padStart(13, '0');
  const power = exponent === 0 ? -1022 : exponent - 1023;
  return `${sign}0x${exponent === 0 ? 0 : 1}.${fraction}p${power < 0 ? '-' : '+'}${Math.abs(power)}`;
}

function fromHex(text: string): number {
  const source = text.trim().toLowerCase();
  const special = /^([+-]?)(inf(?:inity)?|nan)$/.exec(source);
  if (special !== null) return special[2] === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity;
  const match = /^([+-]?)(?:0x)?([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d{1,9}))?$/.exec(source);
  const [, sign = '', whole = '', fraction = '', power = '0'] = match ?? [];
  if (whole + fraction === '') throw valueError('invalid hexadecimal floating-point string');
  // A double has 53 bits: what follows the first 60 only says whether the number lies above a tie.
  const digits = BigInt(`0x${whole}${fraction}`).toString(2);
  const kept = digits.length <= 60 ? digits : digits.slice(0, 60) + (digits.slice(60).includes('1') ? '1' : '0');
  const exponent = Number(power) - 4 * fraction.length + (digits.length - kept.length);
  const value = scaled(BigInt(`0b${kept}`), exponent);
  if (!Number.isFinite(value))
    throw new JinjaError('OverflowError', 'hexadecimal value too large to represent as a float');
  return sign === '-' ? -value : value;
}

/** n × 2^exponent, rounded once to the nearest double. */
function scaled(n: bigint, exponent: number): number {
  if (n === 0n) return 0;
  const bits = n.toString(2).length;
  if (exponent + bits > 1025) return Infinity;
  if (exponent + bits < -1080) return 0;
  if (exponent >= 0) return Number(n << BigInt(exponent));
  // The smallest doubles have fewer bits: the quotient is rounded to what is left of them.
  const unit = Math.max(exponent, -1074);
  const shift = BigInt(unit - exponent);
  let whole = n >> shift;
  const rest = n - (whole << shift);
  const half = shift === 0n ? 0n : 1n << (shift - 1n);
  if (rest > half || (rest === half && shift > 0n && whole % 2n === 1n)) whole += 1n;
  // Exact from here: at most 53 bits remain to be rounded by the conversion itself.
  return unit < -1000 ? Number(whole) * 2 ** -500 * 2 ** (unit + 500) : Number(whole) * 2 ** unit;
}
