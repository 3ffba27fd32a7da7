// Matches wildcard patterns against a sequence of characters or folders in O(pattern × items), without exponential
// backtracking. Callers interpret the pattern.

/** Matches any number of items, including none. */
export const ANY_NUMBER = Symbol('any number');

/** One position of a pattern: whether it matches an item. */
export type Place<T> = (item: T) => boolean;

/** Whether the pattern matches the whole sequence. Backtracking to the last wildcard is sufficient. */
export function matchesAll<T>(pattern: readonly (Place<T> | typeof ANY_NUMBER)[], items: readonly T[]): boolean {
  let place = 0;
  let item = 0;
  let wildcard = -1;
  let taken = 0;
  for (let found = items[item]; found !== undefined; found = items[item]) {
    const wanted = pattern[place];
    if (wanted === ANY_NUMBER) {
      wildcard = place++;
      taken = item;
    } else if (wanted?.(found) === true) {
      place++;
      item++;
    } else if (wildcard >= 0) {
      place = wildcard + 1;
      item = ++taken;
    } else return false;
  }
  while (pattern[place] === ANY_NUMBER) place++;
  return place === pattern.length;
}

/** A character class such as `[a-z]`. A malformed class matches nothing; its negation matches everything. */
export function characterClass(body: string, negated: boolean): Place<string> {
  try {
    const expression = new RegExp(`^[${negated ? '^' : ''}${body}]$`, 'u');
    return (character) => expression.test(character);
  } catch {
    return () => negated;
  }
}

/** Matches one literal character. */
export const literally =
  (wanted: string): Place<string> =>
  (character) =>
    character === wanted;
/** Matches any item. */
export const anything = (): boolean => true;
