// `x ** y` of floats, exact to the last digit as in the C library that Python uses. JavaScript's `**` differs in the
// last places.

/** An unevaluated sum of two non-overlapping doubles, with twice the precision of one. */
type Double = readonly [number, number];

const LN2: Double = [Math.LN2, 2.3190468138462996e-17];

function sum(a: number, b: number): Double {
  const s = a + b;
  const t = s - a;
  return [s, a - (s - t) + (b - t)];
}

function product(a: number, b: number): Double {
  const p = a * b;
  const [ah, al] = halves(a);
  const [bh, bl] = halves(b);
  return [p, ah * bh - p + ah * bl + al * bh + al * bl];
}

function halves(a: number): Double {
  const c = 134217729 * a;
  const high = c - (c - a);
  return [high, a - high];
}

function add(a: Double, b: Double): Double {
  const [s, e] = sum(a[0], b[0]);
  return sum(s, e + a[1] + b[1]);
}

function multiply(a: Double, b: Double): Double {
  const [p, e] = product(a[0], b[0]);
  return sum(p, e + a[0] * b[1] + a[1] * b[0]);
}

/** `e ** r` for small `r`. */
function exponential(r: Double): Double {
  const small: Double = [r[0] / 256, r[1] / 256];
  let result: Double = [1, 0];
  // Evaluates the Taylor series by Horner's scheme.
  for (let n = 11; n > 0; n--) {
    const scaled = multiply(small, result);
    const high = scaled[0] / n;
    const [p, e] = product(high, n);
    result = add([1, 0], sum(high, (scaled[0] - p - e + scaled[1]) / n));
  }
  for (let i = 0; i < 8; i++) result = multiply(result, result);
  return result;
}

function logarithm(x: number): Double {
  let exponent = 0;
  let m = x;
  while (m > Math.SQRT2) {
    m /= 2;
    exponent++;
  }
  while (m < Math.SQRT1_2) {
    m *= 2;
    exponent--;
  }
  const near = Math.log(m);
  // One step of Newton's method doubles the number of correct digits.
  const rest = add(multiply([m, 0], exponential([-near, 0])), [-1, 0]);
  const correction = add(rest, multiply([-0.5 * rest[0], 0], [rest[0], 0]));
  return add(add([near, 0], correction), multiply(LN2, [exponent, 0]));
}

function wholePower(x: number, y: number): number {
  let result: Double = [1, 0];
  for (let i = Math.abs(y); i > 0; i--) result = multiply(result, [x, 0]);
  if (y > 0) return result[0] + result[1];
  const quotient = 1 / result[0];
  const [p, e] = product(quotient, result[0]);
  return quotient + (1 - p - e - quotient * result[1]) / result[0];
}

/** @param x not zero; negative only if `y` is integral */
export function floatPower(x: number, y: number): number {
  const rough = x ** y;
  const size = Math.abs(rough);
  if (!(size > 1e-290 && size < 1e290) || y === 0 || Math.abs(x) === 1) return rough;
  if (Number.isInteger(y) && Math.abs(y) <= 64) return wholePower(x, y);
  const t = multiply(logarithm(Math.abs(x)), [y, 0]);
  const twos = Math.round(t[0] / LN2[0]);
  const [high, low] = exponential(add(t, multiply(LN2, [-twos, 0])));
  const half = Math.trunc(twos / 2);
  return Math.sign(rough) * (high + low) * 2 ** half * 2 ** (twos - half);
}
