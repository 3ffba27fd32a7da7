// Attributes of int, bool and non-integral float.
import { makeFloat } from '../float.ts';
import type { Value } from '../value.ts';

/** Returns the attribute `name` of a number, or `undefined`. */
export function getNumberMethod(self: boolean | number | bigint | undefined, name: string): Value | undefined {
  const v = typeof self === 'boolean' ? Number(self) : (self ?? 0);
  if (typeof v === 'number' && !Number.isInteger(v)) {
    switch (name) {
      case 'is_integer':
        return () => false;
      case 'real':
        return v;
      case 'imag':
        return makeFloat(0);
      default:
        return undefined;
    }
  }
  switch (name) {
    case 'real':
    case 'numerator':
      return v;
    case 'imag':
      return 0;
    case 'denominator':
      return 1;
    case 'bit_length':
      return () => (v === 0 || v === 0n ? 0 : BigInt(v).toString(2).replace('-', '').length);
    case 'conjugate':
      return () => v;
    default:
      return undefined;
  }
}
