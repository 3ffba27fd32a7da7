// Python's float where JavaScript cannot tell it from an int: the box for integral floats, and the text of a float.
import type { HostObject, Value } from './value.ts';

/** A float whose value is integral (`1.0`, `-0.0`, `1e300`). Non-integral floats are plain numbers: build with `makeFloat`. */
export class PyFloat implements HostObject {
  readonly jinjaType = 'float';
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'is_integer':
        return () => Number.isInteger(this.value);
      case 'real':
        return this;
      case 'imag':
        return new PyFloat(0);
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    return floatRepr(this.value);
  }

  jinjaTruth(): boolean {
    return this.value !== 0;
  }

  toJsonValue(): unknown {
    return this.value;
  }

  toJSON(): number {
    return this.value;
  }
}

/** The Python float with this value. */
export function makeFloat(x: number): Value {
  return Number.isInteger(x) ? new PyFloat(x) : x;
}

/** `repr` of a Python float: `1.0`, `1e+16`, `1e-05`, `inf`, `nan`. */
export function floatRepr(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (x === Infinity) return 'inf';
  if (x === -Infinity) return '-inf';
  if (Object.is(x, -0)) return '-0.0';
  const [mantissa = '', exponentText = '0'] = x.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? '-' : '+';
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = String(x);
  if (text.includes('e')) return smallDecimal(mantissa, exponent);
  return text.includes('.') ? text : `${text}.0`;
}

function smallDecimal(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith('-');
  const digits = mantissa.replace('-', '').replace('.', '');
  return `${negative ? '-' : ''}0.${'0'.repeat(-exponent - 1)}${digits}`;
}
