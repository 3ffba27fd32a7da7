// Patterns with wildcards against a sequence, of characters or of folders, in time O(pattern × items), without
// exponential backtracking. Leaves what a pattern means to its readers.

/** Stands for any number of items, none too. */
export const ANY_NUMBER = Symbol('any number');

/** What one place of a pattern says about an item. */
export type Place<T> = (item: T) => boolean;

/** Whether the whole sequence is what the pattern says. Backtracking to the last wildcard is enough. */
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

/** One character of a class such as `[a-z]`; a malformed class matches nothing, and its negation everything. */
export function characterClass(body: string, negated: boolean): Place<string> {
  try {
    const expression = new RegExp(`^[${negated ? '^' : ''}${body}]$`, 'u');
    return (character) => expression.test(character);
  } catch {
    return () => negated;
  }
}

/** This character. */
export const literally =
  (wanted: string): Place<string> =>
  (character) =>
    character === wanted;
/** Whatever it is. */
export const anything = (): boolean => true;
