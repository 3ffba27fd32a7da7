// Shrinks source maps: the package does not contain src/, so a stack only needs file, line and name of each position.
// esbuild creates the maps.

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

/**
 * The same map without positions that differ from the previous one only by column.
 * @param {string} json a map as esbuild writes it
 * @returns {string}
 */
export function linesOnly(json) {
  const map = JSON.parse(json);
  const read = [0, 0, 0, 0];
  const written = [0, 0, 0, 0];
  const lines = map.mappings.split(';').map((line) => {
    let column = 0;
    let writtenColumn = 0;
    let before = [];
    const kept = [];
    for (const segment of line === '' ? [] : line.split(',')) {
      const [step, ...deltas] = decode(segment);
      column += step;
      for (const [i, delta] of deltas.entries()) read[i] += delta;
      const [source, sourceLine, , name] = read;
      const place = [source, sourceLine, deltas.length === 4 ? name : undefined].slice(0, deltas.length);
      if (place.length === before.length && place.every((part, i) => part === before[i])) continue;
      before = place;
      kept.push(encode([column - writtenColumn, ...deltas.map((_, i) => read[i] - written[i])]));
      writtenColumn = column;
      for (const i of deltas.keys()) written[i] = read[i];
    }
    return kept.join(',');
  });
  return JSON.stringify({ ...map, mappings: lines.join(';') });
}

/** @returns the numbers of a segment: base64 VLQ, five bits per digit, the sign in the lowest bit */
function decode(segment) {
  const numbers = [];
  let [bits, shift] = [0, 0];
  for (const digit of segment) {
    const value = VALUES.get(digit);
    bits += (value & 31) << shift;
    shift += 5;
    if (value & 32) continue;
    numbers.push(bits & 1 ? -(bits >> 1) : bits >> 1);
    [bits, shift] = [0, 0];
  }
  return numbers;
}

function encode(numbers) {
  let out = '';
  for (const number of numbers) {
    let bits = number < 0 ? (-number << 1) | 1 : number << 1;
    do {
      const more = bits > 31 ? 32 : 0;
      out += DIGITS[(bits & 31) | more];
      bits >>>= 5;
    } while (bits > 0);
  }
  return out;
}
