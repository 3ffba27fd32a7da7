// Chance for made-up streams: the same numbers for the same seed.

/** @returns a whole number from 0 to below `limit`, another one each time; xorshift32. @param seed not 0 */
export function randomBelow(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
